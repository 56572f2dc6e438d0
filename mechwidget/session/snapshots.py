"""Snapshots: states of a session that a person keeps under a name, to compare and to return to.

In flow states with their numbers; out flow immutable snapshots, a table to look up by name, and
comparisons of two of them. A snapshot holds what was asked for and a few numbers, no activations,
so restoring computes again, to the same bits as long as the model is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from mechwidget.analysis import Outcome, outcome
from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    import torch

    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel
    from mechwidget.session.computation import Computed
    from mechwidget.session.state import State
    from mechwidget.session.tried import Figures

LIMIT = 40
LONGEST_NAME = 60


class SnapshotError(MechwidgetError, LookupError):
    """A snapshot that there is not, or cannot be."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A state of a session under a name.

    Attributes:
        name: unlike that of any other snapshot of the session.
        state: all that was asked for: prompt, interventions, order, groups, metric.
        figures: its numbers; None while they have not been computed.
    """

    name: str
    state: State
    figures: Figures | None = None
    _logits: torch.Tensor | None = field(default=None, repr=False)

    @property
    def awaits_numbers(self) -> bool:
        """Whether its own numbers are still to come, also where a file has told some."""
        return self._logits is None

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """Those that are switched on, in order."""
        return self.state.active

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same in words."""
        return tuple(each.sentence for each in self.state.active)

    def __repr__(self) -> str:
        return f"Snapshot({self.name!r}, {'; '.join(self.sentences) or 'no interventions'})"


@dataclass(frozen=True)
class Comparison:
    """Two snapshots side by side.

    Attributes:
        one: the first; `other`, the second.
        outcome: the next-token distribution of `one` as before, of `other` as after.
        metric: its values, where both snapshots measure the same in the same unit.
        only_one: sentences of what only the first does; `only_other`, the second.
    """

    one: Snapshot
    other: Snapshot
    outcome: Outcome
    metric: tuple[float, float] | None
    only_one: tuple[str, ...]
    only_other: tuple[str, ...]


class Snapshots(Mapping[str, Snapshot]):
    """Snapshots by name, in the order in which they were taken. Never changed: made anew."""

    def __init__(self, taken: tuple[Snapshot, ...] = ()) -> None:
        self._taken = taken

    def __getitem__(self, name: str) -> Snapshot:
        for each in self._taken:
            if each.name == name:
                return each
        names = ", ".join(repr(each) for each in self)
        raise SnapshotError(
            f"There is no snapshot {str(name)[:LONGEST_NAME]!r}.",
            f"There is {names}." if names else "session.take_snapshot() takes one.",
        )

    def __contains__(self, name: object) -> bool:
        return any(each.name == name for each in self._taken)

    def __iter__(self) -> Iterator[str]:
        return iter([each.name for each in self._taken])

    def __len__(self) -> int:
        return len(self._taken)

    def __repr__(self) -> str:
        return f"Snapshots({', '.join(map(repr, self))})"

    def taking(self, state: State, name: str | None = None) -> Snapshots:
        """These and one more, last."""
        if len(self) >= LIMIT:
            raise SnapshotError(f"There are {LIMIT} snapshots already.", "Delete one first.")
        names = (f"Snapshot {n}" for n in count(len(self) + 1))
        said = next(each for each in names if each not in self) if name is None else name
        return Snapshots((*self._taken, Snapshot(self._free(said), state)))

    def with_one(self, snapshot: Snapshot) -> Snapshots:
        """These and one that was kept elsewhere, last."""
        if len(self) >= LIMIT:
            raise SnapshotError(f"There are {LIMIT} snapshots already.", "Delete one first.")
        return Snapshots((*self._taken, replace(snapshot, name=self._free(snapshot.name))))

    def renaming(self, name: str, to: str) -> Snapshots:
        """These, one of them under another name."""
        old = self[name]
        return self if to == name else self._with(old, replace(old, name=self._free(to)))

    def deleting(self, name: str) -> Snapshots:
        """These without one."""
        gone = self[name]
        return Snapshots(tuple(each for each in self._taken if each is not gone))

    def computed(self, state: State, computed: Computed, figures: Figures) -> Snapshots:
        """These, those of this state with its numbers; what a file said of them is older."""
        late = [each for each in self._taken if each.awaits_numbers and each.state == state]
        known = self
        for each in late:
            logits = computed.result.logits[0, 0].detach().cpu()
            known = known._with(each, replace(each, figures=figures, _logits=logits))
        return known

    def _with(self, old: Snapshot, new: Snapshot) -> Snapshots:
        return Snapshots(tuple(new if each is old else each for each in self._taken))

    def _free(self, name: object) -> str:
        if not isinstance(name, str) or not name.strip():
            raise SnapshotError("The name of a snapshot is text, at least one character of it.")
        said = name.strip()
        if len(said) > LONGEST_NAME:
            raise SnapshotError(f"A name has at most {LONGEST_NAME} characters, not {len(said)}.")
        if said in self:
            raise SnapshotError(f"There is a snapshot {said!r} already.", "Choose another name.")
        return said


def comparison(one: Snapshot, other: Snapshot, model: HookedModel) -> Comparison:
    """What lies between two snapshots: `one` as before, `other` as after.

    Raises:
        SnapshotError: one of them has no numbers.
    """
    before, after = _logits_of(one), _logits_of(other)
    measures = [each.state.bound for each in (one, other)]
    include = [token for each in measures if each is not None for token in each.tokens]
    done = [each.sentences for each in (one, other)]
    return Comparison(
        one,
        other,
        outcome(before, after, model, include=tuple(dict.fromkeys(include))),
        _metric(one, other),
        tuple(sentence for sentence in done[0] if sentence not in done[1]),
        tuple(sentence for sentence in done[1] if sentence not in done[0]),
    )


def _metric(one: Snapshot, other: Snapshot) -> tuple[float, float] | None:
    first, second = one.figures, other.figures
    if first is None or second is None or first.metric is None or second.metric is None:
        return None
    bound = [each.state.bound for each in (one, other)]
    labels = {(each.label, each.unit) for each in bound if each is not None}
    return (first.metric[1], second.metric[1]) if len(labels) == 1 else None


def _logits_of(snapshot: Snapshot) -> torch.Tensor:
    if snapshot._logits is None:  # noqa: SLF001 - the two are one thing
        raise SnapshotError(
            f"{snapshot.name!r} was taken before its numbers were there.", "Restore it once."
        )
    return snapshot._logits  # noqa: SLF001 - the two are one thing
