"""The largest entries of a product of two tall tables, without ever making the product.

By Cauchy and Schwarz no entry is larger than the product of its rows' lengths. With both tables
sorted by length, blocks come in the order of what they could hold at most, and all that could not
hold an entry among the largest so far are left out: exact, in memory for one block.

In: `left [n, d]`, `right [m, d]`. Out: rows, columns and values of the largest of left · rightᵀ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mechwidget.errors import CancelledError, MechwidgetError

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, COLUMNS = 1024, 8192  # of one block: 32 MB
_SLACK = 1 + 1e-5  # lengths are rounded too


def largest_products(
    left: torch.Tensor,
    right: torch.Tensor,
    k: int,
    *,
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows int64 `[k]`, columns int64 `[k]` and values float32 `[k]`, the largest first.

    Args:
        left: `[n, d]`.
        right: `[m, d]`.
        k: how many; all there are, where those are fewer.
        cancelled: asked before every block; True raises `CancelledError`.
        progress: called with (blocks done or left out, all blocks).
    """
    if k < 1:
        raise MechwidgetError(f"k is {k}; expected 1 or more.")
    rows, columns = (_by_length(table) for table in (left, right))
    steps = [(r, c) for r in range(0, len(left), ROWS) for c in range(0, len(right), COLUMNS)]
    bounds = {(r, c): float(rows[1][r] * columns[1][c]) * _SLACK for r, c in steps}
    steps.sort(key=lambda step: -bounds[step])
    most, best = min(k, len(left) * len(right)), _Best(left.device)
    for done, (r, c) in enumerate(steps):
        if cancelled is not None and cancelled():
            raise CancelledError("The search for the largest entries was cancelled.")
        if best.full(most) and bounds[r, c] < best.least:
            break
        here, there = rows[0][r : r + ROWS], columns[0][c : c + COLUMNS]
        best.take(left[here] @ right[there].T, here, there, most)
        if progress is not None:
            progress(done + 1, len(steps))
    if progress is not None:
        progress(len(steps), len(steps))
    return best.rows, best.columns, best.values


def _by_length(table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows of a table, the longest first, and their lengths."""
    lengths = table.norm(dim=1)
    if not bool(lengths.isfinite().all()):
        raise MechwidgetError(
            "Some tokens have vectors that are not made of finite numbers.",
            "Some weights are NaN or infinite.",
        )
    length, index = lengths.sort(descending=True)
    return index, length


class _Best:
    """The largest entries so far."""

    def __init__(self, device: torch.device) -> None:
        self.values = torch.empty(0, device=device)
        self.rows = self.columns = torch.empty(0, dtype=torch.long, device=device)

    @property
    def least(self) -> float:
        """The smallest of them."""
        return float(self.values[-1])

    def full(self, k: int) -> bool:
        """Whether there are as many as are wanted."""
        return len(self.values) == k

    def take(self, block: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, k: int) -> None:
        """The k largest of these and of a block."""
        flat = block.flatten()
        # Mostly none of a block is large enough, which one pass over it tells.
        index = (flat > self.least).nonzero()[:, 0] if self.full(k) else None
        if index is None or len(index) > k:
            index = flat.topk(min(k, len(flat))).indices
        values = torch.cat([self.values, flat[index]])
        row = torch.cat([self.rows, rows[index // block.shape[1]]])
        column = torch.cat([self.columns, columns[index % block.shape[1]]])
        self.values, order = values.topk(min(k, len(values)))
        self.rows, self.columns = row[order], column[order]
