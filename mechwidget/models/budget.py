"""How much memory what is remembered and what is computed at once may take.

In: a device and the size of a run. Out: bytes, and the number of rows that fit in them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from mechwidget.models.ledger import Ledger

_UNKNOWN = 2 * 2**30  # what is taken to be free where nothing says so
_TOKENS_AT_ONCE = {"cpu": 1024}  # more is no faster, and a click would wait for it
_TOKENS_ON_A_GPU = 32_768
_FEWEST_ROWS = 6  # of fewer, the baseline's own row costs more than running together saves
_STREAMS = 16  # tensors of the width of the stream that are alive at once, at most


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one model.

    Attributes:
        remembered: bytes that baselines may take; None is a tenth of what is free.
        working: bytes that the rows of one batch may take; None is a quarter of what is free.
        read: bytes that the activations of one call may take; None is half of what is free.
    """

    remembered: int | None = None
    working: int | None = None
    read: int | None = None

    def to_read(self, device: torch.device) -> int:
        """Bytes for activations that somebody wants to have, as of now."""
        return free_bytes(device) // 2 if self.read is None else self.read

    def to_remember(self, device: torch.device) -> int:
        """Bytes for baselines, as of now."""
        return free_bytes(device) // 10 if self.remembered is None else self.remembered

    def most_rows(
        self, ledger: Ledger, positions: int, looked_at: int, reads: int, device: torch.device
    ) -> int:
        """How many rows of `positions` tokens may run at once, one at least.

        Rows so long that few of them keep the device busy are as fast one at a time, and then no
        batch has to compute the baseline beside them.
        """
        limit = free_bytes(device) // 4 if self.working is None else self.working
        rows = _TOKENS_AT_ONCE.get(device.type, _TOKENS_ON_A_GPU) // positions
        fit = limit // row_bytes(ledger, positions, looked_at, reads)
        return 1 if rows < _FEWEST_ROWS else max(1, min(rows, fit))


def row_bytes(ledger: Ledger, positions: int, looked_at: int, reads: int) -> int:
    """An upper estimate of what one row needs while it runs, in bytes of float32."""
    heads = max((b.attention.heads for b in ledger.blocks if b.attention is not None), default=0)
    width = max((w.width for b in ledger.blocks for w in b.writes), default=0)
    per_position = _STREAMS * ledger.d_model + 4 * width + 3 * heads * positions
    per_position += reads * max(ledger.d_model, width, heads * positions)
    return 4 * (positions * per_position + 2 * looked_at * ledger.vocab_size)


def free_bytes(device: torch.device) -> int:
    """Memory that is free on a device, as far as it can be known."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123 - no file of ours
            available = next(line for line in lines if line.startswith("MemAvailable"))
        return int(available.split()[1]) * 1024
    except (OSError, StopIteration):
        return _pages() or _UNKNOWN


def _pages() -> int:
    try:
        return int(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return 0


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory is gone."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
