"""The same weights, wrapped by us and by somebody else.

In: the name of a zoo animal, or "microcosm". Out: a `Pair`. The other library gets a copy of the
module, since it replaces or patches what it is given.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn

import mechwidget as mw
from tests.models.zoo.build import build

MODELS = ("gpt2", "llama", "microcosm")
LAYER, HEAD, NEURON = 1, 2, 5
TOLERANCE = 1e-5  # of the largest number: float32 leaves no more


@dataclass(frozen=True)
class Pair:
    """One model, twice.

    Attributes:
        ours: wrapped by us.
        bridge: a `TransformerBridge` of a copy.
        ids: a prompt `[1, pos]`; `other`, another one of the same length; `reference`, three
            prompts of different lengths.
    """

    ours: mw.HookedModel
    bridge: Any
    ids: torch.Tensor
    other: torch.Tensor
    reference: tuple[torch.Tensor, ...]

    @property
    def n(self) -> int:
        return self.ids.shape[1]

    def theirs(self, *hooks: tuple[str, Any]) -> torch.Tensor:
        """The bridge's logits `[1, pos, vocab]` with these hooks."""
        with torch.no_grad():
            return self.bridge.run_with_hooks(self.ids, fwd_hooks=list(hooks))

    def cache_of(self, ids: torch.Tensor) -> Any:
        """Every activation of the bridge's run of a prompt, by TransformerLens' names."""
        with torch.no_grad():
            return self.bridge.run_with_cache(ids)[1]


@cache
def module(name: str) -> nn.Module:
    return mw.load("microcosm").model if name == "microcosm" else build(name)


@cache
def pair(name: str) -> Pair:
    ours = mw.wrap(module(name), name=name)
    return Pair(ours, bridge_of(module(name)), *prompts(ours.vocab_size))


def bridge_of(model: nn.Module) -> Any:
    """A `TransformerBridge` around a copy of a Hugging Face model in memory."""
    from transformer_lens.model_bridge.sources import build_bridge_from_module

    kind = type(model).__name__
    return build_bridge_from_module(copy.deepcopy(model), kind, hf_config=model.config)


def prompts(vocabulary: int) -> tuple[Any, ...]:
    generator = torch.Generator().manual_seed(1)

    def prompt(length: int) -> torch.Tensor:
        return torch.randint(3, vocabulary, (1, length), generator=generator)

    return prompt(9), prompt(9), tuple(prompt(length) for length in (10, 9, 12))


def require_same(ours: torch.Tensor, theirs: torch.Tensor, what: object = "") -> None:
    assert ours.shape == theirs.shape, what
    apart = (ours - theirs).abs().max()
    assert apart <= TOLERANCE * max(1, theirs.abs().max()), f"{what}: {apart:.1e} apart"
