"""The activation in what a module was given or gave back, and the same with it replaced.

Modules carry the stream as the first positional argument or a named one, and return it bare,
first in a tuple, or as a field of an output object. In: those. Out: the tensor, or a copy of
the carrier around another tensor; nothing is changed in place.
"""

from __future__ import annotations

import copy
from collections.abc import MutableMapping
from typing import Any

import torch


def activation_in(carrier: Any) -> torch.Tensor | None:
    """The first floating-point tensor of two or more axes."""
    if isinstance(carrier, torch.Tensor):
        return carrier if carrier.is_floating_point() and carrier.dim() >= 2 else None
    items = carrier.values() if isinstance(carrier, MutableMapping) else carrier
    if not isinstance(carrier, (tuple, list, MutableMapping)):
        return None
    return next((t for t in map(activation_in, items) if t is not None), None)


def with_activation(carrier: Any, old: torch.Tensor, new: torch.Tensor) -> Any:
    """`carrier` with `new` in the place of `old`; parts that do not hold `old` stay themselves."""
    if carrier is old:
        return new
    if isinstance(carrier, (tuple, list)):
        changed = [with_activation(item, old, new) for item in carrier]
        if all(a is b for a, b in zip(changed, carrier, strict=True)):
            return carrier
        return type(carrier)(*changed) if hasattr(carrier, "_fields") else type(carrier)(changed)
    if isinstance(carrier, MutableMapping) and any(item is old for item in carrier.values()):
        replaced = copy.copy(carrier)
        for key, item in carrier.items():
            if item is old:
                replaced[key] = new
        return replaced
    return carrier
