"""A session takes every kind of intervention from Python, and a page gets what it can draw."""

from __future__ import annotations

import json

import pytest

import mechwidget as mw
from mechwidget.errors import InterventionError, PromptError
from mechwidget.views.session_state import interventions_json
from mechwidget.views.snapshot_html import snapshot_html
from tests.dictionaries.made import dictionary
from tests.session.tiny import PROMPT

OTHER = "the dog ran under a rug and a cat slept"
ACROSS = dictionary(24, reads=("mlp_in", 1), writes=("mlp_out", 1))
mw.register_dictionary("sae", dictionary(24), replace=True)
mw.register_dictionary("across", ACROSS, replace=True)
EVERY_KIND = [
    mw.Ablate(mw.Head(0, 1)),
    mw.Ablate(mw.MLP(1), "mean", [OTHER, PROMPT]),
    mw.Ablate(mw.Attention(1), "resample", [OTHER, PROMPT], seed=1),
    mw.Scale(mw.Layer(1), 0.5),
    mw.SetValue(mw.Neuron(1, 3), 2.0),
    mw.SkipLayer(2),
    mw.Steer(mw.Residual(1), mw.Vector([0.1] * 24, "up"), 0.2, "share"),
    mw.Patch(mw.Head(2, 0, [-1]), OTHER),
    mw.KnockOut(mw.Edge(0, 0, -1, 0)),
    mw.Freeze("pattern", [2]),
    mw.Freeze(mw.MLP(2)),
    mw.Ablate(mw.Feature("sae", 3)),
    mw.Scale(mw.Feature("across", 3), 2.0),
    mw.ReplacePattern(mw.Head(1, 1), "previous"),
]


@pytest.mark.parametrize("one", EVERY_KIND, ids=lambda one: one.sentence)
def test_every_kind_is_listed_computed_switched_and_undone(session, one) -> None:
    session.interventions = [one]
    assert session.interventions == (one,)
    assert session.result.fired
    before = session.metric_value
    session.disable(0)
    assert session.metric_value == session.baseline_metric_value
    session.enable(0)
    assert session.metric_value == before
    session.undo()
    session.undo()
    session.undo()
    assert session.interventions == ()


def test_all_kinds_at_once_are_small_plain_json_for_the_page(session, model) -> None:
    session.interventions = EVERY_KIND
    session.wait()
    shown = interventions_json(session.now().state)
    assert [each["sentence"] for each in shown] == [each.sentence for each in EVERY_KIND]
    assert shown[0]["mode"] == "zero"
    assert shown[9]["component"] is None
    assert len(json.dumps(shown)) < 250 * len(EVERY_KIND)  # no vectors, no prompts
    assert session.result.fired


def test_numbers_are_compared_within_one_implementation_of_attention(session) -> None:
    """A run that computes attention explicitly has a baseline that does so too."""
    session.interventions = [mw.Freeze("pattern")]
    assert session.outcome.kl == 0
    assert session.baseline.attention == session.result.attention == "explicit"
    assert session.metric_value == session.baseline_metric_value
    assert len(session.baseline.read) == 0
    session.clear()
    assert session.baseline.attention == "own"


def test_what_no_longer_fits_a_new_prompt_is_named(session) -> None:
    session.interventions = [mw.Patch(mw.MLP(0), OTHER)]
    with pytest.raises(PromptError, match="Patch MLP 0 from “the dog"):
        session.prompt = "the cat"
    assert session.prompt == PROMPT


def test_a_selection_may_be_any_component_that_exists(session) -> None:
    session.select(mw.Edge(0, 1, 3, 2))
    session.select(mw.Residual(1, [4]))
    with pytest.raises(InterventionError, match="the prompt has 10 tokens"):
        session.select(mw.Layer(1, [50]))


def test_the_snapshot_strikes_out_only_what_is_ablated(session, model) -> None:
    from mechwidget.views.session_state import model_json, session_state

    session.interventions = EVERY_KIND
    session.wait()
    state = session_state("s", model_json(model), session.now())
    html = snapshot_html(state, mw.Workbench.snapshot_parts(state))
    assert html.count("<s>") == 1
    assert "<s>0.1</s>" in html
