"""The view of one neuron: what a page is told, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.analysis import (
    expert_routing,
    neuron_contexts,
    neuron_effects,
    neuron_reads,
    neuron_strips,
    neuron_writes,
)
from mechwidget.views.contexts_json import AFTER, BEFORE
from tests.models.zoo.build import hooked
from tests.session.tiny import PROMPT, WORDS
from tests.views.conftest import Page, Tapped

NEURON = {"type": "neuron", "layer": 1, "index": 7}
TEXTS = [" ".join(WORDS[n : n + 4 + n % 5]) for n in range(20)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MECHWIDGET_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def mixture():
    return hooked("mixtral")


@pytest.fixture
def expert_page(mixture):
    with mw.Session(mixture, [5, 6, 7, 8], mw.LogitDiff(5, 6)) as session, Tapped(session) as made:
        yield Page(made)


def test_the_first_ones_write_most_to_the_metric(page, model):
    found, _ = page.ask("neuron_candidates", {"k": 3})
    session = page.workbench.session
    effects = neuron_effects(model, PROMPT, session.metric)
    every = [
        (abs(value), layer, index)
        for layer, values in effects.values.items()
        for index, value in enumerate(values)
    ]
    top = [(layer, index) for _, layer, index in sorted(every, reverse=True)[:3]]
    assert [(n["neuron"]["layer"], n["neuron"]["index"]) for n in found["neurons"]] == top
    assert found["effect_of"] == session.now().state.bound.label
    assert found["layers"] == [{"neurons": 96, "experts": 0}] * 3
    session.metric = None
    found, _ = page.ask("neuron_candidates", {"k": 3})
    assert found["neurons"][0]["effect"] is None
    assert "logit difference" in found["reason"]


def test_along_the_prompt_without_edits_and_with(page, model):
    about, frames = page.ask("neuron_on_prompt", {"neuron": NEURON})
    assert about == {"edited": False, "experts": 0}
    tokens = model.tokenize(PROMPT)
    before, _ = neuron_strips(model, tokens, [mw.Neuron(1, 7)])
    np.testing.assert_allclose(frames[0], before[0])
    page.workbench.session.ablate(mw.Neuron(1, 7))
    about, frames = page.ask("neuron_on_prompt", {"neuron": NEURON})
    assert about["edited"]
    np.testing.assert_allclose(frames[0], before[0], atol=1e-5)
    assert (frames[1] == 0).all()


def test_weights_come_in_tokens(page, model):
    told, _ = page.ask("neuron_weights", {"neuron": NEURON})
    reads, writes = (one(model, mw.Neuron(1, 7), k=8) for one in (neuron_reads, neuron_writes))
    [one] = told["inputs"]
    assert one["name"] == "in"
    assert [each["text"] for each in one["most"]] == [
        model.token_text(token) for token in reads.inputs[0].tokens.most
    ]
    np.testing.assert_allclose(
        [each["gain"] for each in told["writes"]["least"]], writes.tokens.lowest, rtol=1e-5
    )
    direction = reads.inputs[0].direction
    size = np.linalg.norm(direction) * np.linalg.norm(writes.direction)
    assert one["cosine"] == pytest.approx(direction @ writes.direction / size, rel=1e-4)
    assert told["normed"] is True


def test_contexts_come_as_windows_and_frames(page, model):
    session = page.workbench.session
    session.corpus = TEXTS
    assert page.state()["corpus"]["prompts"] == 20
    about, [along, counts] = page.ask("neuron_contexts", {"neuron": NEURON})
    [expected] = neuron_contexts(model, TEXTS, mw.Neuron(1, 7))
    assert (about["looked"], about["total"], about["tokens"]) == (20, 20, expected.tokens)
    assert about["fired"] == expected.fired
    assert counts.sum() == expected.tokens
    shown = [*about["highest"], *about["lowest"]]
    assert len(along) == sum(len(one["tokens"]) for one in shown)
    start = 0
    for one, context in zip(shown, [*expected.highest, *expected.lowest], strict=True):
        assert one["value"] == pytest.approx(context.value, abs=1e-5)
        assert len(one["tokens"]) <= BEFORE + AFTER + 1
        peak = along[start + one["position"] - one["first"]]
        assert peak == pytest.approx(one["value"], abs=2e-3)
        start += len(one["tokens"])
    width = (about["to"] - about["from"]) / len(counts)
    assert width > 0
    assert counts[0] > 0 < counts[-1]


def test_the_reference_set_is_given_on_the_page(page):
    session = page.workbench.session
    page.ask("set_corpus", {"prompts": ["the cat", "the dog", "the cat", ""]})
    assert session.corpus.prompts == ("the cat", "the dog")
    assert page.state()["corpus"] == {
        "id": session.corpus.digest[:16],
        "name": "",
        "prompts": 2,
        "duplicates": 1,
        "blank": 1,
    }
    page.ask("prompt_from_corpus", {"index": 1})
    assert session.prompt == "the dog"
    session.reference = ["a mat", "a rug"]
    page.ask("set_corpus", {"reference": True})
    assert session.corpus.prompts == ("a mat", "a rug")


def test_experts_have_neurons_and_a_routing(expert_page, mixture):
    found, _ = expert_page.ask("neuron_candidates", {"k": 4})
    assert {one["neuron"]["type"] for one in found["neurons"]} == {"expert_neuron"}
    assert found["layers"][0] == {"neurons": 48, "experts": 4}
    session = expert_page.workbench.session
    neuron = mw.ExpertNeuron(1, 2, 7)
    asked = {"neuron": neuron.to_json()}
    about, frames = expert_page.ask("neuron_on_prompt", asked)
    assert about == {"edited": False, "experts": 4}
    [routing] = expert_routing(mixture, session.now().state.tokens, layers=[1])
    np.testing.assert_array_equal(frames[1], routing.experts)
    np.testing.assert_allclose(frames[2], routing.weights, atol=1e-6)
    here = (routing.experts == 2).any(1)
    np.testing.assert_array_equal(np.isfinite(frames[0]), here)
    session.apply(mw.Ablate(neuron))
    about, frames = expert_page.ask("neuron_on_prompt", asked)
    assert about["edited"]
    assert (frames[1][here] == 0).all()
    told, _ = expert_page.ask("neuron_weights", asked)
    assert [one["name"] for one in told["inputs"]] == ["gate", "up"]
    session.corpus = [[5, 6, 7], [9, 8]]
    about, _ = expert_page.ask("neuron_contexts", asked)
    assert about["looked"] == 2


def test_tables_say_the_same(page, model):
    session = page.workbench.session
    session.wait()
    view = mw.NeuronView(session)
    rows = view.table(neuron=mw.Neuron(1, 7))
    assert rows.columns["before"] == pytest.approx(
        neuron_strips(model, model.tokenize(PROMPT), [mw.Neuron(1, 7)])[0][0]
    )
    session.corpus = TEXTS
    rows = view.table(neuron=NEURON)
    assert rows.columns["activation"] == sorted(rows.columns["activation"], reverse=True) or (
        "lowest" in rows.columns["end"]
    )
    assert rows.about["looked"].startswith("all 20 prompts")
    assert set(view.table(what="weights").columns["part"]) == {"in", "writes"}
    session.select(mw.Neuron(0, 3))
    assert view.table().about["neuron"] == "neuron 0.3"
    with pytest.raises(mw.MechwidgetError, match="expected prompt"):
        view.table(what="nothing")
    view.close()


def test_the_table_of_experts_has_their_routing(expert_page):
    told, _ = expert_page.ask(
        "table",
        {"view": "neuron", "options": {"neuron": mw.ExpertNeuron(1, 2, 7).to_json()}},
    )
    assert told["names"] == [*("position", "token", "before", "after", "experts", "weights")]


@pytest.mark.parametrize(
    ("op", "args", "said"),
    [
        ("neuron_candidates", {"k": 0}, "'k' has to be a whole number from 1"),
        ("neuron_on_prompt", {"neuron": 7}, "'neuron' has to be an object"),
        ("neuron_on_prompt", {"neuron": {**NEURON, "index": 999}}, "layer 1 has 96 neurons"),
        ("neuron_on_prompt", {"neuron": {"type": "mlp", "layer": 0}}, "is no neuron"),
        ("neuron_weights", {"neuron": {**NEURON, "layer": 9}}, "9"),
        ("neuron_contexts", {"neuron": NEURON}, "no reference set"),
        (
            "neuron_contexts",
            {"neuron": {"type": "expert_neuron", "layer": 0, "expert": 0, "index": 0}},
            "no experts",
        ),
        ("set_corpus", {"prompts": ["a", 7]}, "a list of texts"),
        ("set_corpus", {"prompts": []}, "empty"),
        ("set_corpus", {"prompts": ["x"] * 2001}, "at most 2,000 texts"),
        ("set_corpus", {"reference": True}, "empty"),
        ("prompt_from_corpus", {"index": 0}, "no reference set"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(op, args, said, page):
    error, frames = page.ask(op, args)
    assert frames is None
    assert said in error["message"]
