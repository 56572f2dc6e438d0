"""The version of a tensor: torch's own count of the writes to it.

In: a tensor. Out: a number that moves when it, or what it is a view of, is written to in any way
but through `.data`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def version_of(tensor: torch.Tensor) -> int:
    """How many times a tensor was written to; -1 where nobody counts."""
    return -1 if tensor.is_inference() else tensor._version  # noqa: SLF001
