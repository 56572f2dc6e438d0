"""The ranking that the view shows, against a full sort, and what it says of layers without."""

from __future__ import annotations

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.analysis import neuron_effects, neuron_strips, rank_neurons
from mechwidget.analysis.neuron_table import ORDERS, is_gated, layers_without
from mechwidget.errors import CancelledError, ComponentError, MechwidgetError
from tests.analysis.test_neurons import EDITS, plainly
from tests.models.zoo.build import example, hooked
from tests.models.zoo.species import LAYERS, NEURONS

METRIC = mw.LogitDiff(3, 5)


def ranked(name="gpt2", order="here", edits=(), **options):
    model = hooked(name)
    return rank_neurons(model, model.tokenize(example()), order, edits, **options)


def test_here_is_the_largest_at_one_position_by_plain_hooks():
    found, all_of_them = ranked(position=4, k=6), plainly("gpt2")
    for row, layer in enumerate(found.layers):
        expected = np.argsort(-np.abs(all_of_them[layer][4]))[:6]
        np.testing.assert_array_equal(found.index[row], expected)
        np.testing.assert_allclose(found.after[row], all_of_them[layer][4][expected], atol=1e-5)
    assert (found.position == 4).all()
    assert found.totals == (NEURONS,) * LAYERS
    assert np.isnan(found.effect).all()
    assert "logit difference" in found.reason


def test_by_effect_is_a_full_sort_of_the_effects():
    found = ranked(order="effect", edits=EDITS, metric=METRIC, k=5)
    before, after = (neuron_effects(hooked("gpt2"), example(), METRIC, e) for e in ((), EDITS))
    site = ("mlp_post", 2)
    runs = [hooked("gpt2").run(example(), e, [site]).read[site][0, -1] for e in ([], EDITS)]
    for row, layer in enumerate(found.layers):
        expected = np.argsort(-np.abs(before.values[layer]))[:5]
        np.testing.assert_array_equal(found.index[row], expected)
        np.testing.assert_array_equal(found.effect_before[row], before.values[layer][expected])
        np.testing.assert_array_equal(found.effect[row], after.values[layer][expected])
    np.testing.assert_allclose(found.before[2], runs[0][found.index[2]], atol=1e-5)
    np.testing.assert_allclose(found.after[2], runs[1][found.index[2]], atol=1e-5)
    assert found.effect_position == 10


def test_every_order_has_the_effects_beside_it():
    effects = neuron_effects(hooked("llama"), example(), METRIC, EDITS)
    for order in ORDERS:
        found = ranked("llama", order, EDITS, metric=METRIC, position=3, k=4)
        for row, layer in enumerate(found.layers):
            picked = effects.values[layer][found.index[row]]
            np.testing.assert_allclose(found.effect[row], picked, atol=1e-6)


@pytest.mark.parametrize("order", ["here", "anywhere", "effect"])
def test_an_edit_does_not_reorder_what_is_looked_at(order):
    edits = [mw.Ablate(mw.Neuron(1, 4)), mw.Scale(mw.MLP(0), 3.0)]
    plain, edited = (ranked("llama", order, e, metric=METRIC, position=3) for e in ((), edits))
    np.testing.assert_array_equal(plain.index, edited.index)
    np.testing.assert_array_equal(plain.position, edited.position)
    np.testing.assert_allclose(plain.before, edited.before, atol=1e-6)
    assert (edited.after != edited.before).any()


def test_strips_before_and_after_are_those_of_plain_hooks():
    model = hooked("gpt2")
    neurons = [mw.Neuron(2, 7), mw.Neuron(0, 3)]
    edits = [mw.Ablate(mw.Head(1, 1))]
    before, after = neuron_strips(model, model.tokenize(example()), neurons, edits)
    expected = plainly("gpt2")
    for row, neuron in enumerate(neurons):
        np.testing.assert_allclose(before[row], expected[neuron.layer][:, neuron.index], atol=1e-5)
    np.testing.assert_array_equal(after[1], before[1])  # no edit reaches it
    site = ("mlp_post", 2)
    edited = model.run(example(), edits, [site]).read[site][0, :, 7]
    np.testing.assert_allclose(after[0], edited, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "gated"), [("gpt2", False), ("opt", False), ("llama", True), ("phi3", True)]
)
def test_a_gated_mlp_is_told_by_what_stands_beside_its_down_projection(name, gated):
    assert is_gated(hooked(name), 0) is gated


def test_experts_are_refused_with_the_name_that_their_neurons_have():
    with pytest.raises(ComponentError, match=r"4 experts, whose neurons are ExpertNeuron\(0"):
        ranked("mixtral")
    assert [layer for layer, _ in layers_without(hooked("mixtral"))] == list(range(LAYERS))


def test_what_cannot_be_ranked_says_why():
    with pytest.raises(MechwidgetError, match="no direct effects: only a logit difference"):
        ranked(order="effect")
    with pytest.raises(CancelledError):
        ranked(order="effect", metric=METRIC, cancelled=lambda: True)
