"""The entropy of attention patterns: how widely a head looks around.

In: patterns `[head, query, key]` of one layer. Out: nats per head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    from collections.abc import Sequence


def pattern_entropy(pattern: torch.Tensor, queries: Sequence[int] | None = None) -> torch.Tensor:
    """Entropy in nats, `[head]`, averaged over queries: 0 looks at one key, ln n at n keys alike.

    Where rows sum to less than 1, what goes to the sink counts as one more thing to look at.

    Args:
        pattern: `[head, query, key]`.
        queries: the positions to average over; None is all that can see more than themselves
            (in a decoder all but the first). nan where there is none.
    """
    if pattern.ndim != 3 or pattern.shape[1] != pattern.shape[2]:
        raise MechwidgetError(f"A pattern is [head, query, key], not {list(pattern.shape)}.")
    p = pattern.detach().float()
    rest = (1 - p.sum(-1, keepdim=True)).clamp(min=0)
    rest = torch.where(rest > 1e-2, rest, 0)  # what rounding leaves over is no sink
    entropy = torch.special.entr(torch.cat([p, rest], -1)).sum(-1)
    if queries is None:
        sees_more = bool(p[:, :1, 1:].any())
        queries = range(0 if sees_more else 1, p.shape[1])
    chosen = entropy[:, list(queries)]
    return chosen.mean(-1).cpu() if chosen.shape[-1] else torch.full((len(p),), torch.nan)
