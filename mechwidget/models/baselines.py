"""What is remembered of runs without interventions, so that later runs need not compute it again.

In: records of baselines. Out: the baseline of a prompt, as long as the model is what it was then,
within a budget of bytes; and the proof, made once per model and layer, that replaying gives what
computing gives, bit for bit.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mechwidget.models.replay import tensors_of
from mechwidget.models.stamp import Stamp, why_not

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

    from mechwidget.models.budget import Budget
    from mechwidget.models.replay import Record
    from mechwidget.models.tokens import Tokens

# Whose functions the whole model ran with: its own, our attention, or that and our experts.
Route = Literal["own", "ours", "ours with experts"]


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """One run without interventions.

    Attributes:
        records: what each block call did, by layer.
        logits: `[1, len(positions), vocab]`.
        positions: the token positions that `logits` holds; None is all.
    """

    records: tuple[Record, ...]
    logits: torch.Tensor
    positions: tuple[int, ...] | None

    @property
    def n_bytes(self) -> int:
        """What it takes to remember it."""
        return self.logits.nbytes + sum(t.nbytes for t in tensors_of(self.records).values())


Key = tuple["Tokens", Route]


class Baselines:
    """The baselines of one model. Whoever uses it holds the model's lock."""

    def __init__(self, model: nn.Module, budget: Budget) -> None:
        self.budget = budget
        self._model = model
        self._stamp: Stamp | None = None
        self._entries: OrderedDict[Key, tuple[Baseline, int]] = OrderedDict()
        self._proofs: dict[tuple[Route | str, int], bool] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def n_bytes(self) -> int:
        """What all of them take."""
        return sum(n_bytes for _, n_bytes in self._entries.values())

    def why_not(self) -> str:
        """Why nothing may be remembered of the model as it is now; empty when it may."""
        reason = why_not(self._model)
        if reason or (self._stamp is not None and not self._stamp.holds(self._model)):
            self.forget()
        return reason

    def get(self, tokens: Tokens, route: Route) -> Baseline | None:
        """The baseline of a prompt; ask `why_not` first, in the same breath."""
        entry = self._entries.get((tokens, route))
        if entry is None:
            return None
        self._entries.move_to_end((tokens, route))
        return entry[0]

    def stamp(self) -> Stamp:
        """What the model is now, to be taken before the run that is to be remembered."""
        if self._stamp is None:
            self._stamp = Stamp(self._model)
        return self._stamp

    def keep(self, tokens: Tokens, route: Route, baseline: Baseline, stamp: Stamp) -> None:
        """Remember a baseline, unless it is too large or the model has changed under it."""
        n_bytes, most = baseline.n_bytes, self.budget.to_remember(baseline.logits.device)
        if stamp is not self._stamp or n_bytes > most:
            return
        self._entries[tokens, route] = (baseline, n_bytes)
        self._entries.move_to_end((tokens, route))
        while self.n_bytes > most:
            self._entries.popitem(last=False)

    def proved(self, what: Route | str, start: int, proof: Callable[[], bool]) -> bool:
        """Whether a proof holds for this model; it is made once."""
        if (what, start) not in self._proofs:
            self._proofs[what, start] = proof()
        return self._proofs[what, start]

    def disproved(self, what: Route | str, start: int = 0) -> bool:
        """Whether a proof was tried and failed."""
        return not self._proofs.get((what, start), True)

    def forget(self) -> None:
        """Let go of everything."""
        self._entries.clear()
        self._proofs.clear()
        self._stamp = None
