"""Cutting work into parts that fit: layers that one run reads, rows that are unembedded at once.

In: a sequence, and how much may be done at once. Out: its consecutive parts, in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Item = TypeVar("Item")


def cut(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Parts of so many items; the last one may have fewer."""
    return (items[start : start + size] for start in range(0, len(items), size))


def cut_to_fit(items: Sequence[Item], item_bytes: int, limit: int) -> Iterator[Sequence[Item]]:
    """Parts whose items, of so many bytes each, stay within `limit`; one item at least."""
    return cut(items, max(1, limit // item_bytes))
