"""Whether what a model computes at one place depends on what else is in the same call.

Dynamic int8 takes one scale for a whole batch of activations, so that a row, or a position, comes
out a little different in other company. Such a model is run one row at a time, and all of its
positions are unembedded together, as in its own forward.

In: a twin. Out: yes or no. Only linear maps that are no plain matrices are put to the test, one of
each kind, by calling them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from mechwidget.models.leaves import is_linear

NOISE = 0.2  # of what a real change does: quantisation moves the rest by less than 0.1 of it
_PLAIN = (torch.Tensor, nn.Parameter)
_ROUNDING = 1e-4


def is_coupled(twin: nn.Module) -> bool:
    """Whether any of its linear maps answers one row differently beside another."""
    kinds: dict[tuple[type, type], nn.Module] = {}
    for module in twin.modules():
        weight: Any = getattr(module, "weight", None)
        if is_linear(module) and not _is_matrix(weight):
            kinds.setdefault((type(module), type(weight)), module)
    return any(map(_couples, kinds.values()))


def _is_matrix(weight: Any) -> bool:
    return type(weight) in _PLAIN and bool(weight.is_floating_point())


@torch.no_grad()
def _couples(linear: Any) -> bool:
    """Whether a row comes out otherwise when the one beside it is a hundred times as large."""
    width = getattr(linear, "in_features", None)
    if not isinstance(width, int):
        return False
    floats = (p for p in linear.parameters() if p.is_floating_point())
    like = next(floats, torch.empty(0, device="cpu"))
    device = "cpu" if like.is_meta else like.device
    row = torch.linspace(-1, 1, width, dtype=like.dtype, device=device)[None, None]
    try:
        alone, beside = (linear(torch.cat((row, other)))[0] for other in (row, row * 100))
    except (TypeError, ValueError, RuntimeError, LookupError, AttributeError):
        return False  # no map that can be called by itself, and so none of this kind
    return bool((alone - beside).abs().max() > _ROUNDING * alone.abs().max())
