"""Recent results, kept up to a number of bytes: undoing finds the very numbers that were there.

In flow keys and tensors (or runs); out flow the same objects, until newer ones have taken their
room. Used by the worker's thread only, so without a lock.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

V = TypeVar("V")


class Recent(Generic[V]):
    """The values used last, within a budget of bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        """The value, which thereby becomes the newest; None when it is not there (any more)."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def keep(self, key: Hashable, value: V, n_bytes: int) -> None:
        """Remember a value; one that is larger than the whole budget is not kept."""
        if n_bytes > self._max_bytes or key in self._entries:
            return
        self._entries[key] = (value, n_bytes)
        self._bytes += n_bytes
        while self._bytes > self._max_bytes:
            _, (_, freed) = self._entries.popitem(last=False)
            self._bytes -= freed

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0
