"""What is set per position, frozen or routed is the same with a cache as without one."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from tests.models.zoo.build import example, hooked

EDITS = {
    "a value per position, also of a token to come": [
        mw.SetValue(mw.Residual(1), {2: 1.5, -1: -3.0, 12: 2.0})
    ],
    "frozen norms": [mw.Freeze("norm"), mw.Scale(mw.MLP(0), 2)],
    "a neuron of an expert": [mw.SetValue(mw.ExpertNeuron(1, 1, 5), 9.0)],
}


@pytest.mark.parametrize("name", ["gpt2", "llama", "mixtral"])
@pytest.mark.parametrize("what", EDITS)
def test_with_a_cache_as_without(name: str, what: str) -> None:
    model, edits = hooked(name), EDITS[what]
    if "expert" in what and not model.n_experts(1):
        pytest.skip("it has no experts")
    made = [
        list(model.generate(example(), edits, max_new_tokens=4, temperature=0, cache=cache))
        for cache in (True, False)
    ]
    for cached, recomputed in zip(*made, strict=True):
        assert cached.id == recomputed.id
        assert torch.allclose(cached.logits, recomputed.logits, atol=1e-4)
    plain = list(model.generate(example(), [], max_new_tokens=4, temperature=0))
    assert not torch.equal(plain[-1].logits, made[0][-1].logits)
