"""Refuse a forward that writes to the model's own weights or buffers, before it does.

A twin shares its tensors with the user's module, so such a forward (RWKV's divides its output
projections on its first call) would change the user's model behind their back. The trace is the
first forward that we ever run: it looks at every operation that writes, and stops the first one
that would write there.

In: a twin; then operations as they are dispatched. Out: an `UnsupportedModelError`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import UnsupportedModelError

if TYPE_CHECKING:
    from torch import nn


class Frozen:
    """The storages of a module's parameters and buffers, by address."""

    def __init__(self, module: nn.Module) -> None:
        self._names: dict[int, str] = {}
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            address = _address(tensor)
            if address:
                self._names.setdefault(address, name)

    def refuse_write(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise when `func(*args, **kwargs)` would write to one of them."""
        for position, name in _written(func):
            target = args[position] if position < len(args) else kwargs.get(name)
            if not isinstance(target, torch.Tensor) or not target.numel():
                continue
            owner = self._names.get(_address(target))
            if owner is not None:
                raise UnsupportedModelError(
                    f"The model's forward writes to its own {owner!r}, so that running it would "
                    "change the model.",
                    "If only its first forward does, call it once yourself and wrap it again.",
                )


@cache
def _written(func: Any) -> tuple[tuple[int, str], ...]:
    """The arguments that an operation writes to, by position and name."""
    schema = func._schema  # noqa: SLF001
    if not schema.is_mutable:
        return ()
    arguments = enumerate(schema.arguments)
    return tuple((i, a.name) for i, a in arguments if a.alias_info and a.alias_info.is_write)


def _address(tensor: torch.Tensor) -> int:
    """Where its numbers are; 0 for a tensor that has none here (meta, or a wrapper)."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0
