"""Equal but for rounding: what a row of a batch may differ from its single run.

Matrix products of another shape add up in another order. In: two tensors. Out: yes or no.
"""

from __future__ import annotations

import torch

_ROOM = {torch.float16: 0.03, torch.bfloat16: 0.03}


def equal_but_for_rounding(row: torch.Tensor, alone: torch.Tensor) -> bool:
    """Whether a row of a batch is its single run; what is not finite has to be the same."""
    if row.shape != alone.shape:
        return False
    apart = torch.where(row == alone, 0.0, (row - alone).float()).abs().max()
    finite = torch.where(alone.isfinite(), alone.float(), 0.0).abs().max()
    return bool(apart <= _ROOM.get(alone.dtype, 2e-5) * (1 + finite))
