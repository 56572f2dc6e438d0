"""Neurons: the top of each layer against a full sort of what hooks see."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import changed_neurons, largest_neurons, neuron_activations
from mechwidget.errors import CancelledError, ComponentError, MechwidgetError
from tests.models.zoo.build import example, hooked, shared
from tests.models.zoo.species import LAYERS, NEURONS, ZOO

EDITS = [mw.Ablate(mw.Head(0, 1)), mw.Scale(mw.Neuron(2, 7), 5.0)]


@torch.no_grad()
def plainly(name):
    """`[layer, pos, neuron]` of an unedited run, by plain hooks."""
    held, module = {}, shared(name)
    handles = [
        module.get_submodule(ZOO[name].down.format(layer)).register_forward_pre_hook(
            lambda _module, args, layer=layer: held.update({layer: args[0]})
        )
        for layer in range(LAYERS)
    ]
    module(example())
    for handle in handles:
        handle.remove()
    return torch.stack([held[layer].reshape(11, -1) for layer in range(LAYERS)]).numpy()


@pytest.mark.parametrize("name", ["gpt2", "llama", "opt", "phi"])
def test_the_largest_are_what_a_full_sort_gives(name):
    found, all_of_them = largest_neurons(hooked(name), example(), k=5), plainly(name)
    for row, layer in enumerate(found.layers):
        peaks = np.abs(all_of_them[layer]).max(0)
        np.testing.assert_allclose(np.sort(peaks)[::-1][:5], np.abs(found.before[row]), atol=1e-5)
        at = all_of_them[layer][found.position[row], found.index[row]]
        np.testing.assert_allclose(found.before[row], at, atol=1e-5)
    np.testing.assert_array_equal(found.before, found.after)
    assert found.positions is None


def test_the_most_changed_are_what_a_full_sort_gives():
    model = hooked("llama")
    found = changed_neurons(model, example(), EDITS, k=6, positions=[3, -1])
    assert found.positions == (3, 10)
    for row, layer in enumerate(found.layers):
        site = ("mlp_post", layer)
        before, after = (model.run(example(), e, [site]).read[site][0] for e in ([], EDITS))
        change = (after - before)[[3, 10]].abs().amax(0)
        expected = change.sort(descending=True).values[:6]
        np.testing.assert_allclose(np.abs(found.after - found.before)[row], expected, atol=1e-5)
        for k, (index, position) in enumerate(
            zip(found.index[row], found.position[row], strict=True)
        ):
            assert found.before[row, k] == pytest.approx(float(before[position, index]), abs=1e-5)
            assert found.after[row, k] == pytest.approx(float(after[position, index]), abs=1e-5)


def test_an_edit_of_the_pattern_is_compared_with_the_same_attention():
    edit = mw.KnockOut(mw.Edge(2, 0, -1, 3))
    found = changed_neurons(hooked("llama"), example(), [edit], layers=[0, 1])
    assert (found.before == found.after).all()  # what comes before it has not moved by one bit


def test_largest_of_an_edited_run_sorts_by_after():
    found = largest_neurons(hooked("gpt2"), example(), EDITS)
    assert (np.diff(np.abs(found.after), axis=1) <= 0).all()
    assert (found.before[2] != found.after[2]).any()


def test_fewer_than_k_is_all_of_them():
    found = largest_neurons(hooked("gpt2"), example(), k=1000)
    assert found.index.shape == (LAYERS, NEURONS)
    assert (np.sort(found.index) == np.arange(NEURONS)).all()


def test_activations_along_the_tokens(monkeypatch):
    neurons = [mw.Neuron(2, 7), mw.Neuron(0, 3), mw.Neuron(2, 1)]
    found, expected = neuron_activations(hooked("gpt2"), example(), neurons), plainly("gpt2")
    wanted = np.stack([expected[n.layer][:, n.index] for n in neurons])
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    module = import_module("mechwidget.analysis.neurons")
    monkeypatch.setattr(module, "_READ_BYTES", 1)  # one layer per run
    np.testing.assert_array_equal(neuron_activations(hooked("gpt2"), example(), neurons), found)
    assert neuron_activations(hooked("gpt2"), example(), []).shape == (0, 11)


def test_what_has_no_neurons_says_so():
    with pytest.raises(ComponentError, match="no neurons"):
        largest_neurons(hooked("mixtral"), example())
    with pytest.raises(ComponentError, match="no layer 7"):
        largest_neurons(hooked("gpt2"), example(), layers=[7])
    with pytest.raises(ComponentError):
        neuron_activations(hooked("gpt2"), example(), [mw.Neuron(0, NEURONS)])
    with pytest.raises(MechwidgetError, match="k is 0"):
        largest_neurons(hooked("gpt2"), example(), k=0)
    with pytest.raises(CancelledError):
        largest_neurons(hooked("gpt2"), example(), cancelled=lambda: True)
