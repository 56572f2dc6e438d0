"""Interventions with values, experts and norms of their own mean the same in every window."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from tests.models.zoo.build import example, hooked

N, NEW = 11, 5
VALUES = {3: 0.5, -1: 1.0, N + 1: [0.25] * 32}


def both_ways(model: mw.HookedModel, edits: list) -> list:
    """With the cache and without, which has to be the same."""
    ways = [
        list(model.generate(example(), edits, NEW, stop_tokens=(), cache=cache))
        for cache in (True, False)
    ]
    for one, other in zip(*ways, strict=True):
        assert one.id == other.id
        torch.testing.assert_close(one.logits, other.logits, rtol=1e-4, atol=1e-4)
    return ways[0]


@pytest.mark.parametrize("name", ["gpt2", "llama", "mamba"])
def test_a_value_per_position_is_set_when_its_position_comes(name: str) -> None:
    steps = both_ways(hooked(name), [mw.SetValue(mw.Residual(1), VALUES)])
    assert [len(step.fired) for step in steps] == [1, 0, 1, 0, 0]


@pytest.mark.parametrize("name", ["mixtral", "qwen2_moe"])
def test_neurons_of_experts_are_ablated_in_every_token(name: str) -> None:
    model = hooked(name)
    edits = [mw.Ablate(mw.ExpertNeuron(1, expert, 3)) for expert in range(model.n_experts(1))]
    steps = both_ways(model, edits)
    assert all(sum(each.change > 0 for each in step.fired) >= 1 for step in steps)


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_norms_are_frozen_over_the_prompt(name: str) -> None:
    steps = both_ways(hooked(name), [mw.Scale(mw.MLP(0), 3.0), mw.Freeze("norm")])
    assert len(steps[0].fired) > 1
    assert all(len(step.fired) == 1 for step in steps[1:])
