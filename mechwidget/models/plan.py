"""What a run did and left out, as data and in words.

In: decisions of the planner. Out: `Plan`, which every `Run` carries.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run was computed.

    Attributes:
        replayed: the number of blocks whose output was taken from the baseline.
        blocks: the number of blocks there are.
        rows: the rows of the batch that this run was one of; 1 when it ran alone.
        unembedded: the number of positions whose logits were computed.
        kept: at how many positions the end of the last block was computed; None is all.
        cached: how many of the first positions were left to the model's own cache.
        why: what kept it from replaying or from sharing a batch; empty when nothing did.
    """

    replayed: int
    blocks: int
    rows: int
    unembedded: int
    kept: int | None = None
    cached: int = 0
    why: str = ""

    def __str__(self) -> str:
        if self.replayed == 0:
            done = f"computed all {self.blocks} blocks"
        elif self.replayed == self.blocks:
            done = f"replayed all {self.blocks} blocks"
        else:
            done = f"replayed {self.replayed} of {self.blocks} blocks"
        shared = f", as one of {self.rows} rows" if self.rows > 1 else ""
        kept = "" if self.kept is None else f", the last one at {_positions(self.kept)}"
        if self.cached:
            last = self.cached - 1
            done += f", position{f's 0–{last}' if last else ' 0'} from the cache"  # noqa: RUF001
        why = f" ({self.why})" if self.why else ""
        return f"{done}{kept}{shared}, unembedded {_positions(self.unembedded)}{why}"


def _positions(n: int) -> str:
    return "1 position" if n == 1 else f"{n} positions"
