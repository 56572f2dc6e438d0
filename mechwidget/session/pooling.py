"""Patterns at the resolution at which they are drawn: of each square of entries the largest.

In: numbers `[…, query, key]` and how many tokens go on a side of a square. Out: the same with a
square for an entry, holding the entry furthest from zero, so that one strong edge among thousands
of tokens is still seen. A matrix that is no multiple of the squares ends in smaller ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.functional import max_pool2d

if TYPE_CHECKING:
    import torch


def pooled(values: torch.Tensor, factor: int) -> torch.Tensor:
    """The entry furthest from zero of every square of `factor` entries a side."""
    if factor == 1 or not values.numel():
        return values
    flat = values.reshape(-1, 1, *values.shape[-2:]).float()
    above = max_pool2d(flat, factor, ceil_mode=True)
    below = max_pool2d(-flat, factor, ceil_mode=True)
    largest = above.where(above >= below, -below)
    return largest.reshape(*values.shape[:-2], *largest.shape[-2:])


def factor_for(entries: int, most: int) -> int:
    """How many entries have to share one, so that at most `most` are left."""
    return max(1, -(-entries // max(1, most)))
