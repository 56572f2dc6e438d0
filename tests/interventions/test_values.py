"""Components and ablations are values: equal when they mean the same, hashable, JSON both ways."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget import interventions
from mechwidget.errors import InterventionError
from mechwidget.interventions import (
    Component,
    Intervention,
    component_from_json,
    intervention_from_json,
)
from mechwidget.interventions.kinds import intervention_kinds
from tests.interventions.anything import COMPONENTS, INTERVENTIONS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(COMPONENTS)
def test_a_component_survives_json(component: Component) -> None:
    again = component_from_json(json.loads(json.dumps(component.to_json())))
    assert again == component
    assert hash(again) == hash(component)


@settings(deadline=None)
@given(INTERVENTIONS)
def test_an_intervention_survives_json_and_is_the_code_one_would_type(one: Intervention) -> None:
    again = intervention_from_json(json.loads(json.dumps(one.to_json(), allow_nan=False)))
    assert again == one
    assert hash(again) == hash(one)
    assert eval(repr(one), vars(interventions)) == one
    assert one.sentence
    assert "<" not in one.sentence  # no object's address


@settings(deadline=None)
@given(INTERVENTIONS, INTERVENTIONS)
def test_equal_means_the_same_json(a: Intervention, b: Intervention) -> None:
    assert (a == b) == (a.to_json() == b.to_json())
    assert len({a, b}) == (1 if a == b else 2)


FIELDS = ("mode", "over", "by_position", "seed", "factor", "value", "vector", "coefficient", "unit")
MORE = ("source", "align", "renormalise", "layers", "pattern", "extra")
PART = {"type": "mlp", "layer": 0}


@settings(deadline=None, max_examples=300)
@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(sorted(intervention_kinds()))},
        optional={
            "component": JSON | COMPONENTS.map(lambda component: component.to_json()),
            **{field: JSON | st.just([1.0, 2.0]) for field in (*FIELDS, *MORE)},
        },
    )
)
def test_interventions_that_are_nearly_right_are_values_or_clear_errors(data) -> None:
    outcome = value_or_error(intervention_from_json, data)
    assert outcome
    if isinstance(outcome, Intervention):
        assert intervention_from_json(outcome.to_json()) == outcome


@settings(deadline=None, max_examples=300)
@given(INTERVENTIONS, st.data())
def test_one_wrong_field_is_a_value_or_a_clear_error(
    one: Intervention, data: st.DataObject
) -> None:
    record = one.to_json()
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(JSON)
    assert value_or_error(intervention_from_json, record)


@settings(deadline=None)
@given(COMPONENTS, COMPONENTS)
def test_equal_means_the_same_part(a: Component, b: Component) -> None:
    assert (a == b) == (a.to_json() == b.to_json())
    assert len({a, b}) == (1 if a == b else 2)


def value_or_error(read: Callable[[object], Any], data: object) -> Any:
    """What was read, or the message of the error, which must be short enough to show."""
    try:
        return read(data)
    except InterventionError as wrong:
        return wrong.message if len(wrong.message) < 300 else None


@settings(deadline=None)
@given(JSON)
def test_json_that_nobody_checked_is_a_value_or_a_clear_error(data: object) -> None:
    for read in (component_from_json, intervention_from_json):
        assert value_or_error(read, data)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["head", "mlp", "neuron", "attention"])},
        optional={"layer": JSON, "head": JSON, "index": JSON, "positions": JSON, "extra": JSON},
    )
)
def test_json_that_is_nearly_right_is_a_value_or_a_clear_error(data: dict[str, object]) -> None:
    outcome = value_or_error(component_from_json, data)
    if isinstance(outcome, Component):
        assert outcome.to_json().keys() <= data.keys()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "component is None; expected a JSON object"),
        ([], "expected a JSON object"),
        ({1: 2}, "expected a JSON object"),
        ({}, "component type is None; expected 'head' or 'attention' or 'mlp' or 'neuron'"),
        ({"type": "tail", "layer": 1}, "component type is 'tail'"),
        ({"type": ["head"]}, r"component type is \['head'\]"),
        ({"type": "head", "layer": 1}, "head has no 'head'; expected an integer"),
        ({"type": "head", "layer": "1", "head": 2}, "head layer is '1'; expected an integer"),
        ({"type": "head", "layer": True, "head": 2}, "head layer is True"),
        ({"type": "head", "layer": 1.0, "head": 2}, r"head layer is 1\.0"),
        ({"type": "head", "layer": -1, "head": 2}, "head layer is -1; expected 0 or more"),
        ({"type": "head", "layer": 2**40, "head": 2}, "expected an integer below"),
        ({"type": "mlp", "layer": 1, "head": 2}, "mlp has an unknown field 'head'"),
        ({"type": "mlp", "layer": 1, "positions": "12"}, "positions is '12'; expected a list"),
        ({"type": "mlp", "layer": 1, "positions": []}, "positions is empty"),
        ({"type": "mlp", "layer": 1, "positions": [1, "a"]}, "a position is 'a'"),
        ({"type": "mlp", "layer": 1, "positions": {"0": 1}}, "expected a list of integers"),
    ],
)
def test_what_is_wrong_with_a_component_is_named(data, message: str) -> None:
    with pytest.raises(InterventionError, match=message):
        component_from_json(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("ablate", "intervention is 'ablate'; expected a JSON object"),
        ({"type": "stir"}, "intervention type is 'stir'; expected 'ablate'"),
        ({"type": "ablate"}, "ablate has no 'component'"),
        ({"type": "ablate", "component": 3}, "component is 3"),
        (
            {"type": "ablate", "component": {"type": "mlp", "layer": 0}, "mode": "mean"},
            "mode is 'mean'; expected reference prompts",
        ),
        ({"type": "ablate", "component": {"type": "mlp", "layer": 0}, "mode": 0}, "mode is 0"),
        (
            {"type": "ablate", "component": {"type": "mlp", "layer": 0}, "value": 1},
            "unknown field 'value'",
        ),
    ],
)
def test_what_is_wrong_with_an_intervention_is_named(data, message: str) -> None:
    with pytest.raises(InterventionError, match=message):
        intervention_from_json(data)


def test_positions_are_any_integers_sorted_and_distinct() -> None:
    head = mw.Head(1, 2, positions=[3, 3, -1])
    assert head == mw.Head(1, 2, (-1, 3)) == mw.Head(1, 2, np.array([-1, 3]))
    assert mw.MLP(0, range(3)).positions == (0, 1, 2)
    assert mw.Head(np.int64(1), np.int64(2)) == mw.Head(1, 2)
    for wrong in ("12", 5, [1.5], [True], [None], ()):
        with pytest.raises(InterventionError):
            mw.Head(1, 2, positions=wrong)


def test_values_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        mw.Head(1, 2).layer = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        mw.Ablate(mw.MLP(0)).mode = "mean"


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (mw.Head(1, 2), "head 1.2"),
        (mw.MLP(0), "MLP 0"),
        (mw.Attention(3), "attention 3"),
        (mw.Neuron(2, 117), "neuron 2.117"),
        (mw.Head(1, 2, [5, 3]), "head 1.2 at 3, 5"),
        (mw.MLP(0, [0]), "MLP 0 at 0"),
        (mw.Residual(3), "residual before layer 3"),
        (mw.Residual(3, [1], "mid"), "residual inside layer 3 at 1"),
        (mw.Residual(3, end="post"), "residual after layer 3"),
    ],
)
def test_words(component: Component, words: str) -> None:
    assert str(component) == words
    assert mw.Ablate(component).sentence == f"Zero {words}"


@pytest.mark.parametrize(
    ("intervention", "sentence"),
    [
        (mw.Scale(mw.Layer(2), 0.5), "Scale layer 2 by 0.5"),
        (mw.SetValue(mw.Neuron(1, 7), 4), "Set neuron 1.7 to 4"),
        (mw.SetValue(mw.MLP(1), [1.0, 2.0]), "Set MLP 1 to a vector of 2 numbers"),
        (mw.SetValue(mw.Neuron(1, 7), {3: 4, -1: 2}), "Set neuron 1.7 to 2 at -1, 4 at 3"),
        (mw.SetValue(mw.MLP(1), np.ones((5, 2))), "Set MLP 1 to 5 values, one per position"),
        (mw.Scale(mw.ExpertNeuron(1, 2, 7, [3]), 0), "Scale neuron 7 of expert 1.2 at 3 by 0"),
        (mw.SkipLayer(3), "Skip layer 3"),
        (mw.SkipLayer(mw.Layer(3, [-1])), "Skip layer 3 at -1"),
        (
            mw.Steer(mw.Residual(3), mw.Vector([1.0], "truth"), 4),
            "Steer residual before layer 3 by 4 times “truth”",
        ),
        (
            mw.Steer(mw.MLP(0), mw.Vector([1.0], "truth"), 0.1, "share"),
            "Steer MLP 0 by 0.1 of its norm along “truth”",
        ),
        (
            mw.Steer(mw.MLP(0), [1.0], mode="project out"),
            "Project a vector of 1 number out of MLP 0",
        ),
        (
            mw.Steer(mw.MLP(0), [1.0], 2, mode="clamp along"),
            "Clamp MLP 0 along a vector of 1 number to 2",
        ),
        (mw.Patch(mw.Head(1, 2), "Tom and Ann"), "Patch head 1.2 from “Tom and Ann”"),
        (
            mw.Patch(mw.Head(1, 2), [5, 6], "end"),
            "Patch head 1.2 from “5 6”, ends aligned",
        ),
        (
            mw.Patch(mw.MLP(1), "a", [(3, 4), (-1, 0)]),
            "Patch MLP 1 from “a”, -1 from 0, 3 from 4",
        ),
        (mw.Ablate(mw.MLP(0), "mean", ["a", "b"]), "Mean-ablate MLP 0 over 2 prompts"),
        (
            mw.Ablate(mw.MLP(0), "mean", "a", by_position=True),
            "Mean-ablate MLP 0 over “a”, position by position",
        ),
        (mw.Ablate(mw.MLP(0), "resample", "a"), "Resample MLP 0 from “a”"),
        (
            mw.Ablate(mw.MLP(0), "resample", ["a", "b"], seed=3),
            "Resample MLP 0 from one of 2 prompts (seed 3)",
        ),
        (mw.KnockOut(mw.Edge(1, 2, -1, 0)), "Knock out head 1.2 from -1 to 0"),
        (
            mw.KnockOut(mw.Edge(1, 2, 5, 3), renormalise=False),
            "Knock out head 1.2 from 5 to 3, the rest of the row as it was",
        ),
        (mw.Freeze("pattern"), "Freeze every pattern"),
        (mw.Freeze("pattern", [1, 0]), "Freeze the patterns of layers 0, 1"),
        (mw.Freeze("norm"), "Freeze every norm divisor"),
        (mw.Freeze("norm", [1]), "Freeze the norm divisors of layer 1"),
        (mw.Freeze("final_norm"), "Freeze the final norm's divisor"),
        (mw.Freeze(mw.MLP(2)), "Freeze MLP 2"),
        (
            mw.ReplacePattern(mw.Head(1, 2), "previous"),
            "Replace the pattern of head 1.2 by “previous”",
        ),
    ],
)
def test_sentences(intervention: Intervention, sentence: str) -> None:
    assert intervention.sentence == sentence
    assert hash(intervention) == hash(intervention_from_json(intervention.to_json()))


def test_ablating_something_that_is_no_component_is_refused() -> None:
    with pytest.raises(InterventionError, match="expected a Head, Attention, MLP, Neuron, Exp"):
        mw.Ablate("head 1.2")
    with pytest.raises(InterventionError, match="mode is 'mean'; expected reference prompts"):
        mw.Ablate(mw.MLP(0), mode="mean")


def test_interventions_cost_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, mechwidget as mw; mw.Ablate(mw.Head(1, 2)).to_json(); mw.Site('z', 3); "
        "mw.Steer(mw.Residual(1), [1.0]).to_json(); mw.Patch(mw.MLP(0), 'a').to_json(); "
        "mw.Ablate(mw.MLP(0), 'mean', ['a']).sentence; mw.KnockOut(mw.Edge(0, 0, 1, 0)).to_json(); "
        "print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
