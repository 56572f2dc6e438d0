"""Which experts tokens went to, against the router; and what their neurons do to the metric."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import expert_routing, rank_expert_neurons
from mechwidget.errors import ComponentError
from tests.models.zoo.build import example, hooked, shared

METRIC = mw.LogitDiff(5, 6)


def test_the_routing_is_the_routers():
    module, held = shared("mixtral"), {}
    gates = [layer.mlp.gate for layer in module.model.layers]
    handles = [
        gate.register_forward_hook(lambda _m, _a, out, at=at: held.update({at: out}))
        for at, gate in enumerate(gates)
    ]
    with torch.no_grad():
        module(example())
    for handle in handles:
        handle.remove()
    found = expert_routing(hooked("mixtral"), example())
    assert [one.layer for one in found] == [0, 1, 2]
    for one in found:
        _, weights, choice = held[one.layer]
        np.testing.assert_array_equal(one.experts, choice)
        np.testing.assert_allclose(one.weights, weights, atol=1e-5)
        assert one.load.sum() == one.experts.size
        np.testing.assert_array_equal(
            one.load, [(one.experts == expert).sum() for expert in range(4)]
        )


def test_edits_move_the_routing():
    edit = mw.Ablate(mw.MLP(0))
    before, after = (
        expert_routing(hooked("mixtral"), example(), e, layers=[1])[0] for e in ([], [edit])
    )
    assert not np.allclose(before.weights, after.weights)


@pytest.mark.parametrize("name", ["mixtral", "qwen2_moe", "deepseek_v3"])
def test_a_direct_effect_is_what_ablating_changes_with_the_norm_frozen(name):
    model = hooked(name)
    tokens = model.tokenize(example())
    last = model.n_layers - 1
    found = rank_expert_neurons(model, tokens, METRIC, k=60)
    assert found.reason == ""
    assert (np.diff(np.abs(found.effect)) <= 1e-7).all()
    rows = [row for row, neuron in enumerate(found.neurons) if neuron.layer == last][:4]
    assert rows
    for row in rows:
        edits = [mw.Ablate(found.neurons[row]), mw.Freeze("final_norm")]
        logits = [model.run(tokens, e, positions=[-1]).logits[0, 0] for e in ([], edits)]
        change = (logits[0][5] - logits[0][6]) - (logits[1][5] - logits[1][6])
        assert found.effect[row] == pytest.approx(float(change), abs=2e-4)


def test_without_a_difference_they_are_ranked_by_activation():
    model = hooked("mixtral")
    found = rank_expert_neurons(model, model.tokenize(example()), k=5, position=3)
    assert "only a logit difference" in found.reason
    assert (np.diff(np.abs(found.activation)) <= 0).all()
    for neuron, value in zip(found.neurons, found.activation, strict=True):
        run = model.run(example(), read=[("expert_post", neuron.layer)])
        there = run.read["expert_post", neuron.layer][0, 3, neuron.expert, neuron.index]
        assert value == pytest.approx(float(there), abs=1e-5)


def test_what_has_no_experts_says_so():
    tokens = hooked("gpt2").tokenize(example())
    for asked in (
        lambda: expert_routing(hooked("gpt2"), tokens),
        lambda: rank_expert_neurons(hooked("gpt2"), tokens),
        lambda: expert_routing(hooked("gpt2"), tokens, layers=[0]),
    ):
        with pytest.raises(ComponentError, match="no experts"):
            asked()
