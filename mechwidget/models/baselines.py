"""What is remembered of runs without interventions, so that later runs need not compute it again.

In: records of baselines. Out: the baseline of a prompt, as long as the model is what it was then,
within a budget of bytes; and the proof, made once per model and layer, that replaying gives what
computing gives, bit for bit. Whoever remembers numbers of a model elsewhere asks `version()`.

One rule for everybody: what cannot be vouched for is computed. A forward hook or a patched forward
of the user's own may read a variable that changes between two runs, or count its calls; so while
there is one, no number of an earlier run stands in for a run.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mechwidget.models.replay import tensors_of
from mechwidget.models.stamp import Stamp, why_not
from mechwidget.models.versions import version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch
    from torch import nn

    from mechwidget.models.budget import Budget
    from mechwidget.models.past import Past
    from mechwidget.models.replay import Record
    from mechwidget.models.tokens import Tokens

_BEFORE_A_PROOF = 3  # runs

# Whose functions the whole model ran with: its own, our attention, or that and our experts.
Route = Literal["own", "ours", "ours with experts"]


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """One run without interventions.

    Attributes:
        records: what each block call did, by layer.
        logits: `[1, len(positions), vocab]`, the very tensor that its run gave away.
        positions: the token positions that `logits` holds; None is all.
        version: of `logits`, so that a write to them by whoever has them is noticed.
        wishes: for a past, counted.
        pasts: what the model's own cache holds of the first positions, by how many; one at most.
    """

    records: tuple[Record, ...]
    logits: torch.Tensor
    positions: tuple[int, ...] | None
    version: int
    pasts: dict[int, Past] = field(default_factory=dict)
    wishes: list[None] = field(default_factory=list)

    def wishes_for_a_past(self) -> bool:
        """Whether a past has been wished for often enough to be worth its time."""
        if len(self.wishes) < _BEFORE_A_PROOF:
            self.wishes.append(None)
            return False
        return True

    @property
    def spoiled(self) -> bool:
        """Whether somebody has written to the logits since."""
        return version_of(self.logits) != self.version

    def logits_at(self, positions: Sequence[int] | None) -> torch.Tensor | None:
        """`[1, len(positions), vocab]`, as far as these positions (None: all) are remembered."""
        if self.positions is None or positions is None:
            known = positions is None and self.positions is None
            return self.logits if known else self._all_at(positions)
        if not set(positions) <= set(self.positions):
            return None
        return self.logits[:, [self.positions.index(position) for position in positions]]

    def _all_at(self, positions: Sequence[int] | None) -> torch.Tensor | None:
        return None if positions is None else self.logits[:, list(positions)]

    @property
    def n_bytes(self) -> int:
        """What it takes but for its pasts: a view keeps all of what it is a view of."""
        held = (self.logits, *tensors_of(self.records).values())
        storages = (tensor.untyped_storage() for tensor in held)
        distinct = {storage.data_ptr(): storage.nbytes() for storage in storages}
        return sum(distinct.values())

    @property
    def past_bytes(self) -> int:
        """What its pasts take, which come and go."""
        return sum(past.n_bytes for past in self.pasts.values())


Key = tuple["Tokens", Route]


class Baselines:
    """The baselines of one model. Whoever uses it holds the model's lock."""

    def __init__(self, model: nn.Module, budget: Budget) -> None:
        self.budget = budget
        self.copies = True  # whether what blocks return has to be copied to be remembered
        self._model = model
        self._version = 0
        self._stamp: Stamp | None = None
        self._seen: str | None = None  # what the look that is under way found
        self._entries: OrderedDict[Key, tuple[Baseline, int]] = OrderedDict()
        self._wishes: Counter[str] = Counter()
        self._proofs: dict[tuple[Route | str, int], bool] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def n_bytes(self) -> int:
        """What all of them take."""
        return sum(n_bytes + one.past_bytes for one, n_bytes in self._entries.values())

    def why_not(self) -> str:
        """Why nothing may be remembered of the model as it is now; empty when it may."""
        if self._seen is not None:
            return self._seen
        reason = why_not(self._model)
        if reason or (self._stamp is not None and not self._stamp.holds(self._model)):
            self.forget()
        return reason

    def version(self) -> int:
        """A number that stays for as long as earlier numbers of this model hold.

        It moves when weights, buffers, modules or config have changed since it was last asked, when
        `forget` was called, and at every question while `why_not` has a reason: compare what you
        remember with what you compute only where both were made under one version.
        """
        if not self.why_not():
            self.stamp()
        return self._version

    @contextmanager
    def one_look(self) -> Iterator[int | None]:
        """Look at the model once for every question inside, which should be the work of a moment.

        Yields the version, or None while `why_not` has a reason: what was computed before then
        says nothing about now.
        """
        outer, seen = self._seen, self.why_not()
        if not seen:
            self.stamp()
        self._seen = seen
        try:
            yield None if seen else self._version
        finally:
            self._seen = outer

    def get(self, tokens: Tokens, route: Route) -> Baseline | None:
        """The baseline of a prompt; ask `why_not` first, in the same breath."""
        entry = self._entries.get((tokens, route))
        if entry is None or entry[0].spoiled:
            self._entries.pop((tokens, route), None)
            return None
        self._entries.move_to_end((tokens, route))
        return entry[0]

    def stamp(self) -> Stamp:
        """What the model is now, to be taken before the run that is to be remembered."""
        if self._stamp is None:
            self._stamp = Stamp(self._model)
            self._version += 1
        return self._stamp

    def keep(self, tokens: Tokens, route: Route, baseline: Baseline, stamp: Stamp) -> None:
        """Remember a baseline, unless it is too large or the model has changed under it."""
        n_bytes, most = baseline.n_bytes, self.budget.to_remember(baseline.logits.device)
        if stamp is not self._stamp or n_bytes > most:
            return
        self._entries[tokens, route] = (baseline, n_bytes)
        self._entries.move_to_end((tokens, route))
        self.fit(baseline.logits.device)

    def fit(self, device: torch.device) -> None:
        """Let go of the oldest until the rest fits into the budget."""
        most = self.budget.to_remember(device)
        while self.n_bytes > most:
            self._entries.popitem(last=False)

    def proved(self, what: Route | str, start: int, proof: Callable[[], bool]) -> bool:
        """Whether a proof holds for this model; it is made once."""
        if (what, start) not in self._proofs:
            self._proofs[what, start] = proof()
        return self._proofs[what, start]

    def asked_for(self, what: str) -> bool:
        """Whether a proof has been wished for often enough to be worth its time."""
        self._wishes[what] += 1
        return self._wishes[what] > _BEFORE_A_PROOF

    def disprove(self, what: Route | str) -> None:
        """Note that something does not work with this model."""
        self._proofs[what, 0] = False

    def disproved(self, what: Route | str, start: int = 0) -> bool:
        """Whether a proof was tried and failed."""
        return not self._proofs.get((what, start), True)

    def forget(self) -> None:
        """Let go of everything."""
        self._entries.clear()
        self._proofs.clear()
        self._wishes.clear()
        self._stamp = None
        self.copies = True
        self._version += 1
