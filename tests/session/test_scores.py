"""Scores as a session gives them: those of the analysis functions, off the run that is meant."""

from __future__ import annotations

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.analysis import (
    MapScore,
    ScoreInputs,
    compute_score,
    direct_attribution,
    empty_map,
    head_scores,
    map_scores,
    register_score,
)
from mechwidget.analysis.head_scores import SCORES
from mechwidget.analysis.scores import _REGISTERED
from mechwidget.errors import CancelledError, MechwidgetError
from tests.session.tiny import PROMPT, SECONDS, brake, eventually, swept, tiny_model

METRIC = mw.LogitDiff("mat", "rug")
OTHER = "the dog sat on the rug and the cat ran"
NAMES = [score.name for score in map_scores()]


@pytest.fixture
def own_registry():
    before = dict(_REGISTERED)
    yield
    _REGISTERED.clear()
    _REGISTERED.update(before)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"effect"}))
@pytest.mark.parametrize("edited", [False, True])
def test_a_score_is_the_analysis_function_on_the_run_that_is_meant(model, session, name, edited):
    session.other_prompt = OTHER
    session.ablate(mw.MLP(0))
    edits = session.interventions if edited else ()
    direct = ScoreInputs(model, session.now().state.tokens, METRIC, OTHER, edits)
    expected = compute_score(name, direct)
    found = session.scores(name, edited=edited).result(SECONDS)
    np.testing.assert_allclose(found.grid, expected.grid, rtol=1e-5, atol=1e-6)
    assert found.reason == expected.reason


def test_scores_that_follow_the_edits_move_with_them_and_the_others_do_not(session):
    session.other_prompt = OTHER
    session.ablate(mw.MLP(0))
    for score in map_scores():
        before, after = (
            session.scores(score.name, edited=edited).result(SECONDS).grid
            for edited in (False, True)
        )
        assert np.allclose(before, after, equal_nan=True) != score.follows_edits, score.name


@pytest.mark.parametrize("name", sorted(SCORES))
def test_scores_of_patterns_are_those_of_the_patterns(session, name):
    ids = session.result.tokens.ids
    found = session.scores(name).result(SECONDS).heads
    for layer in range(3):
        heads = [session.pattern(mw.Head(layer, head)).result(SECONDS) for head in range(3)]
        expected = [head_scores(name, pattern[None], ids).values[0] for pattern in heads]
        np.testing.assert_allclose(found[layer], expected, atol=1e-6)


def test_the_effect_is_the_sweep_and_is_not_computed_twice(model, session):
    told = []
    score = session.scores("effect", progress=lambda *said: told.append(said))
    found = score.result(SECONDS)
    expected = swept(model, PROMPT, METRIC)
    np.testing.assert_allclose(found.grid, expected, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(found.grid, session.effects().result(SECONDS))
    with brake(model):  # a hook of one's own, so that a run would be seen
        pass
    assert told
    assert all(part.grid.shape == (3, 6) for _, _, part in told)


def test_effects_of_wholes_are_those_of_the_edits_that_a_click_makes(model, session):
    found = session.scores("effect").result(SECONDS)
    edits = {"attention": mw.Ablate(mw.Attention(1)), "layers": mw.SkipLayer(1)}
    for part, edit in edits.items():
        session.interventions = [edit]
        change = session.metric_value - session.baseline_metric_value
        assert getattr(found, part)[1] == pytest.approx(change, abs=1e-5)


def test_what_a_layer_says_directly_is_the_sum_of_its_parts(model, session):
    found = session.scores("direct_attribution").result(SECONDS)
    direct = direct_attribution(model, PROMPT, METRIC)
    np.testing.assert_allclose(found.layers, direct.layers, rtol=1e-5)
    whole = direct.embed + direct.constant + direct.layers.sum()
    assert whole == pytest.approx(direct.total, abs=1e-6)


def test_an_undefined_score_says_why(session):
    session.prompt = "the cat sat"
    scores = session.scores("induction").result(SECONDS)
    assert np.isnan(scores.heads).all()
    assert "twice" in scores.reason


def test_what_is_missing_is_said_in_the_menu_and_refused(model):
    with mw.Session(model, PROMPT) as session:
        lacks = {score.name: session.lacks(score) for score in session.known_scores}
        assert "metric" in lacks["direct_attribution"]
        assert lacks["induction"] == lacks["effect"] == ""
        with pytest.raises(MechwidgetError, match="Direct logit attribution needs a metric"):
            session.scores("direct_attribution")
        session.metric = METRIC
        with pytest.raises(MechwidgetError, match="needs a prompt B"):
            session.scores("attribution_patching")
        with pytest.raises(MechwidgetError, match="previous_token"):
            session.scores("beauty")


def test_numbers_from_python_are_a_score_at_once(session):
    told, numbers = [], np.arange(9.0).reshape(3, 3)
    session.on_change(lambda: told.append(session.now().scores))
    before = session.now().scores
    session.score_heads("mine", numbers, unit="logits", convention="three by three")
    assert told
    assert told[-1] != before
    np.testing.assert_array_equal(session.scores("mine").result(SECONDS).heads, numbers)
    mine = session.known_scores[-1]
    assert (mine.name, mine.unit, mine.scale) == ("mine", "logits", "sequential")
    # Another array of that name takes its place; None takes it away; other sessions never had it.
    session.score_heads("mine", -numbers)
    np.testing.assert_array_equal(session.scores("mine").result(SECONDS).heads, -numbers)
    assert session.known_scores[-1].scale == "diverging"
    with mw.Session(session.model, PROMPT) as another:
        assert "mine" not in {score.name for score in another.known_scores}
    session.score_heads("mine", None)
    assert "mine" not in {score.name for score in session.known_scores}


@pytest.mark.parametrize(
    ("name", "numbers", "options", "why"),
    [
        ("induction", np.zeros((3, 3)), {}, "already"),
        ("", np.zeros((3, 3)), {}, "1 to 80 characters"),
        (7, np.zeros((3, 3)), {}, "1 to 80 characters"),
        ("mine", np.zeros((3, 4)), {}, "expected .layer, head. = .3, 3."),
        ("mine", "text", {}, "no real numbers"),
        ("mine", [[np.inf] * 3] * 3, {}, "infinite"),
        ("mine", -np.ones((3, 3)), {"scale": "sequential"}, "negative"),
        ("mine", np.ones((3, 3)), {"scale": "log"}, "sequential"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(session, name, numbers, options, why):
    before = session.known_scores
    with pytest.raises(MechwidgetError, match=why):
        session.score_heads(name, numbers, **options)
    assert session.known_scores == before


def test_a_plugin_that_is_replaced_is_another_score(session, own_registry):
    def constant(value):
        def compute(inputs):
            made = empty_map(inputs.model)
            made.heads[:] = value
            return made

        return MapScore("mine", "mine", "one", "", "sequential", None, frozenset(), compute)

    register_score(constant(1))
    version = session.now().scores
    assert (session.scores("mine").result(SECONDS).heads == 1).all()
    register_score(constant(2), replace=True)
    assert session.now().scores != version
    assert (session.scores("mine").result(SECONDS).heads == 2).all()


def test_a_score_that_nobody_wants_any_more_stops():
    model = tiny_model(layers=6)
    with mw.Session(model, PROMPT, METRIC) as session:
        session.wait()
        with brake(model, 0.05) as slow:
            score = session.scores("induction")
            assert slow.running.wait(SECONDS)
            score.cancel()
            with pytest.raises(CancelledError):
                score.result(SECONDS)
            eventually(lambda: session._open().worker._current is None)
            assert slow.blocks < 6


def test_a_score_does_not_wait_for_a_sweep_that_is_under_way():
    model = tiny_model(layers=6)
    with mw.Session(model, PROMPT, METRIC) as session:
        session.wait()
        with brake(model, 0.01) as slow:
            watch = session.effects()
            assert slow.running.wait(SECONDS)
            assert session.scores("induction").result(SECONDS).heads.shape == (6, 3)
            assert not watch.done()
            watch.cancel()
