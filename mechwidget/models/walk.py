"""Walk back from what a block returned to what it was given, and name what it added.

`out = skip · in + Σ factor · write`: the walk expands sums, scalings and views of the dataflow
until it meets the block's input or a tensor that a module inside the block made without the
stream. A norm over the sum (post-LN blocks) is walked through, and makes the block non-additive.

In: a trace and the call of one block. Out: `Terms`: the raw tensors and factors, which
`writes` turns into ledger entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from mechwidget.models.leaves import is_norm, is_nothing

if TYPE_CHECKING:
    from mechwidget.models.dataflow import Factor, Made
    from mechwidget.models.trace import Call, Trace

_TOLERANCE = 1e-4


@dataclass(eq=False)
class Terms:
    """What a block's output is the sum of.

    Attributes:
        skips: what the block's input was multiplied by, once per path.
        branches: the other terms, as (factor, tensor).
        sums: partial sums that hold the stream, by identity, with the branches in them.
        through_norm: whether a norm was walked through.
    """

    skips: list[Factor] = field(default_factory=list)
    branches: list[tuple[Factor, torch.Tensor]] = field(default_factory=list)
    sums: dict[int, list[int]] = field(default_factory=dict)
    through_norm: bool = False


def walk_back(trace: Trace, block: Call) -> Terms:
    """The terms of `block`'s output."""
    walk = _Walk(trace, block)
    if block.y is not None:
        walk.expand(block.y, 1.0)
    return walk.terms


def adds_up(block: Call, terms: Terms) -> bool:
    """Whether out = in + Σ branches holds in numbers, with the input taken exactly once."""
    if block.x is None or block.y is None or terms.through_norm:
        return False
    if len(terms.skips) != 1 or isinstance(terms.skips[0], torch.Tensor) or terms.skips[0] != 1:
        return False
    total = block.x.float()
    for factor, tensor in terms.branches:
        if tensor.numel() != total.numel():
            return False
        total = total + factor * tensor.float().reshape(total.shape)
    room = _TOLERANCE if block.y.dtype == torch.float32 else 0.05
    return bool((total - block.y.float()).abs().max() <= room * (1 + block.y.abs().max()))


def makers(trace: Trace, tensor: torch.Tensor, block: Call) -> list[Call]:
    """The calls inside `block` that made `tensor`, innermost first, idle ones left out."""
    inside = trace.makers(tensor, block.name)
    during = [c for c in inside if block.entered < c.entered and c.left < block.left]
    return [c for c in during if not is_nothing(c)]


class _Walk:
    def __init__(self, trace: Trace, block: Call) -> None:
        self.trace, self.block = trace, block
        self.terms = Terms()
        self._holds: dict[int, bool] = {}

    def expand(self, tensor: torch.Tensor, factor: Factor) -> list[int]:
        """Add the terms of `tensor`; returns the identities of the branches among them."""
        if tensor is self.block.x:
            self.terms.skips.append(factor)
            return []
        if not self.holds_stream(tensor):
            return self._branch(tensor, factor)
        made = self._made(tensor)
        if made is None or not any(self.holds_stream(source) for source in made.of):
            norm = self._norm(tensor)
            self.terms.through_norm = True
            return [] if norm is None or norm.x is None else self.expand(norm.x, factor)
        found = self._sources(made, factor)
        self.terms.sums[id(tensor)] = found
        return found

    def holds_stream(self, tensor: torch.Tensor) -> bool:
        """Whether the block's input is a term of `tensor`."""
        if tensor is self.block.x:
            return True
        key = id(tensor)
        if key not in self._holds:
            self._holds[key] = False
            made, norm = self._made(tensor), self._norm(tensor)
            held = made is not None and any(self.holds_stream(source) for source in made.of)
            if not held and norm is not None and norm.x is not None:
                held = self.holds_stream(norm.x)
            self._holds[key] = held
        return self._holds[key]

    def _branch(self, tensor: torch.Tensor, factor: Factor) -> list[int]:
        made = None if makers(self.trace, tensor, self.block) else self._made(tensor)
        if made is not None:
            return self._sources(made, factor)
        self.terms.branches.append((factor, tensor))
        return [id(tensor)]

    def _sources(self, made: Made, factor: Factor) -> list[int]:
        first, *rest = made.of
        if not rest:
            return self.expand(first, _times(factor, made.factor if made.how == "scale" else 1.0))
        return self.expand(first, factor) + self.expand(rest[0], _times(factor, made.factor))

    def _made(self, tensor: torch.Tensor) -> Made | None:
        made = self.trace.flow.made.get(id(tensor))
        return None if made is None or made.how == "gate" else made

    def _norm(self, tensor: torch.Tensor) -> Call | None:
        inner = makers(self.trace, tensor, self.block)[:1]
        return inner[0] if inner and is_norm(inner[0].module) else None


def _times(a: Factor, b: Factor) -> Factor:
    return b if isinstance(a, float) and a == 1.0 else a * b
