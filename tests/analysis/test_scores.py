"""Scores of the head map: one door for all of them, and each is the function that it names."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.analysis import (
    MapScore,
    ScoreInputs,
    ScoreMap,
    ablation_sweep,
    activation_gradient,
    compute_score,
    copying_scores,
    direct_attribution,
    effect_grid,
    empty_map,
    find_score,
    head_scores,
    map_scores,
    number_map,
    pattern_entropy,
    register_score,
    scores,
    sweep_components,
)
from mechwidget.analysis.scores import _REGISTERED, numbers_of
from mechwidget.errors import MechwidgetError
from mechwidget.plugin_api import Registry
from mechwidget.plugin_api.declared import Declared, own
from tests.models.zoo.build import hooked
from tests.models.zoo.species import HEADS, LAYERS

METRIC = mw.LogitDiff(5, 17)
REPEATED = [7, 8, 9, 7, 8, 9]
NAMES = [score.name for score in map_scores()]


def inputs(name="gpt2", **changes):
    given_ = {"prompt": REPEATED, "metric": METRIC, "source": [7, 8, 4, 7, 8, 9]} | changes
    return ScoreInputs(hooked(name), **given_)


@pytest.fixture
def own_registry():
    before = dict(_REGISTERED)
    yield
    _REGISTERED.clear()
    _REGISTERED.update(before)


def constant(name="constant"):
    def compute(given_):
        return empty_map(given_.model, "nothing to see")

    needs = frozenset({"prompt"})
    return MapScore(name, name, "always nothing", "", "sequential", (0, 1), needs, compute)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", ["gpt2", "llama", "bamba"])
def test_every_score_says_what_it_is_and_keeps_to_it(name, model):
    score = find_score(name)
    assert score.convention
    assert "\n" not in score.convention
    found = score(inputs(model))
    assert found.heads.shape == (LAYERS, HEADS)
    assert found.attention.shape == found.mlp.shape == (LAYERS,)
    assert {part.dtype for part in (found.heads, found.attention, found.mlp)} == {
        np.dtype(np.float32)
    }
    known = found.heads[np.isfinite(found.heads)]
    assert known.size == HEADS * (1 if model == "bamba" else LAYERS)
    if score.range is not None:
        low, high = score.range
        assert ((known >= low - 1e-6) & (known <= high + 1e-6)).all()
    if score.scale == "sequential":
        assert (known >= 0).all()


def test_scores_are_the_functions_that_they_name():
    model = hooked("gpt2")
    components = sweep_components(model, wholes=True)
    swept = ablation_sweep(model, REPEATED, METRIC, components=components)
    np.testing.assert_array_equal(compute_score("effect", inputs()).grid, effect_grid(model, swept))
    direct = direct_attribution(model, REPEATED, METRIC)
    np.testing.assert_allclose(
        compute_score("direct_attribution", inputs()).heads, direct.heads, rtol=1e-6
    )
    np.testing.assert_array_equal(
        compute_score("copying", inputs(prompt=None)).heads, copying_scores(model).values
    )
    first = activation_gradient(model, REPEATED, METRIC)
    np.testing.assert_allclose(
        compute_score("act_grad", inputs()).heads, first.heads.sum(-1), rtol=1e-5
    )
    read = model.run(REPEATED, read=["pattern"]).read
    for layer in range(LAYERS):
        pattern = read["pattern", layer][0]
        found = compute_score("entropy", inputs()).heads[layer]
        np.testing.assert_allclose(found, pattern_entropy(pattern), atol=1e-6)
        for name in ("induction", "previous_token", "duplicate_token", "first_token"):
            expected = head_scores(name, pattern, REPEATED).values
            np.testing.assert_allclose(compute_score(name, inputs()).heads[layer], expected)


def test_effects_fill_in_as_they_come():
    told = []
    compute_score("effect", inputs(progress=lambda done, total, _map: told.append((done, total))))
    assert told == sorted(told)
    assert told[-1] == (LAYERS * (HEADS + 3),) * 2


def test_why_a_score_is_missing_is_said():
    assert "twice" in compute_score("duplicate_token", inputs(prompt=[1, 2, 3])).reason
    assert "no attention heads" in compute_score("copying", inputs("bamba")).reason
    assert "caps" in compute_score("direct_attribution", inputs("gemma2")).reason


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("act_grad", "metric"),
        ("direct_attribution", "metric"),
        ("attribution_patching", "source"),
        ("induction", "prompt"),
        ("effect", "prompt"),
    ],
)
def test_what_a_score_needs_is_asked_for(name, missing):
    said = "second prompt" if missing == "source" else missing
    with pytest.raises(MechwidgetError, match=f"needs a {said}"):
        compute_score(name, inputs(**{missing: None}))


@pytest.mark.usefixtures("own_registry")
def test_a_plugin_comes_in_by_the_same_door():
    register_score(constant())
    assert compute_score("constant", inputs()).reason == "nothing to see"
    with pytest.raises(MechwidgetError, match="already"):
        register_score(constant())
    register_score(constant(), replace=True)
    with pytest.raises(MechwidgetError, match="is not a MapScore"):
        register_score(len)
    with pytest.raises(MechwidgetError, match="constant"):
        find_score("nobody's")


PLUGIN = constant("from a package")
SAME = constant("induction")


def test_plugins_scores_come_after_our_own_and_broken_ones_are_left_out(monkeypatch):
    def declared(name, value):
        return Declared("scores", name, value, "somebody", "1")

    found = Registry(
        lambda: [
            *(each for each in own() if each.group == "scores"),
            declared("missing", "tests.analysis.nowhere:score"),
            declared("wrong", "math:pi"),
            declared("good", f"{__name__}:PLUGIN"),
            declared("same", f"{__name__}:SAME"),
        ]
    )
    monkeypatch.setattr(scores, "REGISTRY", found)
    assert [score.name for score in map_scores()] == [*NAMES, "from a package"]
    states = {each.name: (each.state, each.usable) for each in found.health()}
    assert states == {
        "core": ("ok", True),
        "missing": ("failed", False),
        "wrong": ("wrong protocol", False),
        "good": ("ok", True),
        "same": ("wrong protocol", False),
    }
    assert "induction" in found.record("scores", "same").reason


def test_what_is_no_map_of_the_model_is_refused():
    for wrong in (None, [[1.0]], ScoreMap(*[np.zeros((1, 1), np.float32)] * 3)):
        score = MapScore(
            "odd", "odd", "odd", "", "diverging", None, frozenset(), lambda _, w=wrong: w
        )
        with pytest.raises(MechwidgetError, match="'odd' has no numbers"):
            numbers_of(score, inputs())


def test_numbers_of_ones_own_are_checked():
    model = hooked("bamba")
    numbers = np.arange(LAYERS * HEADS).reshape(LAYERS, HEADS)
    for form in (numbers, numbers.tolist(), torch.tensor(numbers).half()):
        found = number_map(model, form)
        assert np.isnan(found.heads[[0, 2]]).all()  # layers without heads
        assert found.heads[1].tolist() == numbers[1].tolist()
    kept = numbers.astype(np.float32)
    number_map(model, kept)
    assert np.isfinite(kept).all()  # the person's own array stays as it was
    with pytest.raises(MechwidgetError, match=rf"expected \[layer, head\] = \[{LAYERS}, {HEADS}\]"):
        number_map(model, numbers.T)
    with pytest.raises(MechwidgetError, match="infinite"):
        number_map(model, np.full((LAYERS, HEADS), -math.inf))
    for wrong in ("text", [[1], [1, 2]], numbers * 1j):
        with pytest.raises(MechwidgetError, match="numbers"):
            number_map(model, wrong)


@given(st.integers(2, 9), st.integers(0, 99))
def test_entropy_is_that_of_each_row(n, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(3, n, n, generator=generator)
    p = scores.masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf).softmax(-1)
    expected = torch.distributions.Categorical(probs=p[:, 1:]).entropy().mean(-1)
    np.testing.assert_allclose(pattern_entropy(p), expected, atol=1e-5)
    assert (pattern_entropy(p) <= math.log(n) + 1e-6).all()


def test_entropy_of_known_patterns():
    n = 4
    assert pattern_entropy(torch.eye(n)[None]).tolist() == [0]
    even = torch.ones(1, n, n) / n
    assert pattern_entropy(even).item() == pytest.approx(math.log(n))
    sunk = torch.zeros(1, n, n)
    sunk[..., 0] = 0.5  # the other half goes to the sink
    assert pattern_entropy(sunk).item() == pytest.approx(math.log(2))
    assert math.isnan(pattern_entropy(torch.ones(1, 1, 1)).item())
    assert pattern_entropy(even, [2]).item() == pytest.approx(math.log(n))
    with pytest.raises(MechwidgetError, match="query"):
        pattern_entropy(torch.ones(3, 4))
