"""What passes through the sites during one run: edits are applied, reads are kept.

In: every tensor that a hook sees, with its site. Out: the tensor that flows on; afterwards the
reads, and how much each edit changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan, nan
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from mechwidget.errors import InterventionError
from mechwidget.models.reach import position_axis
from mechwidget.models.reading import at_positions

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from mechwidget.models.edit import Edit
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.past import Past
    from mechwidget.models.reach import Reach
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Fired:
    """Proof that an edit happened.

    Attributes:
        intervention: its index in the list that `run` was given.
        site: where it happened.
        change: Euclidean norm of what it changed there; 0 means that nothing was different.
        largest: the largest absolute change of one number.
        reason: why nothing changed there or, where something did, why the logits looked at do
            not show it; empty where neither is known to be so.
    """

    intervention: int
    site: Site
    change: float
    largest: float = 0.0
    reason: str = ""


class _Change(NamedTuple):
    """What one edit did: its size (see `_size`), and whether it met what is not there."""

    nth: int
    edit: Edit
    size: torch.Tensor
    undone: torch.Tensor | None


_OVERRULED = "the logits looked at are the baseline's: it is lost on the way, or overruled"


@dataclass(eq=False)
class Traffic:
    """The edits and reads of one run.

    `given` holds, by prompt, what the edits' sources held at their sites (see `other_runs`);
    `reach` knows which changes the logits looked at can show.
    """

    edits: Sequence[tuple[int, Edit]]
    reads: frozenset[Site]
    shape: tuple[int, int]  # batch, positions
    kept: dict[Site, torch.Tensor] = field(default_factory=dict)
    given: dict[Tokens | None, dict[Site, torch.Tensor]] = field(default_factory=dict)
    read_at: Sequence[int] | None = None  # the positions that are read; None is all
    touched: Sequence[int] | None = None  # the positions that interventions name; None is all
    past: Past | None = None  # what the model remembers of positions that are not computed
    reach: Reach | None = None
    passes: int = 0  # forward passes that came before this one, on the same hooks
    keys: int = 0  # the keys that attention has, where they are more than the positions
    _by_site: dict[Site, list[tuple[int, Edit]]] = field(default_factory=dict)
    _looks: dict[Site, list[tuple[int, Edit]]] = field(default_factory=dict)
    _looked: set[tuple[int, Site]] = field(default_factory=set)
    _changes: list[_Change] = field(default_factory=list)
    _shared: dict[Hashable, dict[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for index, edit in self.edits:
            where = self._looks if edit.looks else self._by_site
            where.setdefault(edit.site, []).append((index, edit))

    @property
    def sites(self) -> set[Site]:
        """Every site that has to be hooked."""
        return {*self.reads, *self._by_site, *self._looks}

    @property
    def rows_given(self) -> int:
        """How many rows of token ids the model is called with."""
        return self.shape[0]

    def arriving(self, _site: Site, tensor: torch.Tensor) -> torch.Tensor:
        """What a module carries, as it comes to a site: with all rows that are to pass there."""
        return tensor

    def next_pass(
        self, edits: Sequence[tuple[int, Edit]], shape: tuple[int, int], keys: int = 0
    ) -> None:
        """Be the traffic of one more pass through the same hooks, which were made for its sites."""
        self.passes += 1
        self.edits, self.shape, self.keys = edits, shape, keys
        self._by_site, self._looks, self._looked, self._changes = {}, {}, set(), []
        self._shared = {}
        Traffic.__post_init__(self)

    def pass_on(
        self, site: Site, tensor: torch.Tensor, exists: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What flows on from `site`; the very same tensor when nothing is edited there.

        Where `exists` is False, the tensor has an entry for nothing: an edit of it is undone.
        """
        for index, edit in self._by_site.get(site, ()):
            edited = wanted = _checked(edit, self.applied(edit, tensor), tensor)
            if exists is not None:
                edited = torch.where(exists, wanted, tensor)
            size = _size(site, edited - tensor)
            self._changes.append(_Change(index, edit, size, _undone(wanted, edited, exists)))
            tensor = edited
        for index, edit in self._looks.get(site, ()):
            self.applied(edit, tensor)
            self._looked.add((index, site))
        if site in self.reads:
            self.kept[site] = at_positions(site, tensor, self.read_at)
        return tensor

    def applied(self, edit: Edit, tensor: torch.Tensor) -> Any:
        """What an edit makes of a tensor, with what its sources held and what it shares."""
        given: list[Any] = [self.given[source][edit.site] for source in edit.sources]
        if edit.shares is not None:
            given.append(self._shared.setdefault(edit.shares, {}))
        return edit.apply(tensor, *given)

    def _shared_now(self) -> dict[Hashable, dict[Any, Any]]:
        return {key: dict(held) for key, held in self._shared.items()}

    def adopt(self, other: Traffic) -> None:
        """Have seen what `other` saw."""
        self.kept, self._changes, self._looked = other.kept, other._changes, other._looked

    def take(self) -> dict[Site, torch.Tensor]:
        """The reads; a twin that is still waiting to be freed then holds none of them."""
        kept, self.kept, self.given = self.kept, {}, {}
        return kept

    def fired(self, *, unmoved: bool = False) -> tuple[Fired, ...]:
        """What each edit did; raises when one of them never ran.

        `unmoved` says that the logits looked at are those of the run without any edit.
        """
        ran = {(change.nth, change.edit.site) for change in self._changes} | self._looked
        missed = [edit.site for index, edit in self.edits if (index, edit.site) not in ran]
        missed += sorted(self.reads - set(self.kept))
        if missed:
            raise InterventionError(
                f"The forward pass never came past {missed[0]}, so the result would be wrong.",
                "The model has changed since it was wrapped, or skips layers: wrap it again.",
            )
        return tuple(_fired(change, self.reach, unmoved=unmoved) for change in self._changes)


def edits_of(intervention: Any, model: HookedModel, n_positions: int) -> Sequence[Edit]:
    """What one intervention does to this model, or a word on what is no intervention."""
    if not hasattr(intervention, "edits"):
        raise InterventionError(
            f"{intervention} is not an intervention.", "Write e.g. mw.Ablate(mw.Head(1, 2))."
        )
    edits: Sequence[Edit] = intervention.edits(model, n_positions)
    return edits


def touched_by(interventions: Sequence[Any], n_positions: int) -> list[int] | None:
    """The positions that interventions name; None when one of them does not say."""
    found: set[int] = set()
    for one in interventions:
        component: Any = getattr(one, "component", None)
        rows = component.rows(n_positions) if hasattr(component, "rows") else None
        if rows is None:
            return None
        found.update(rows)
    return sorted(found)


def in_order(edits: Iterable[Sequence[Edit]]) -> tuple[tuple[int, Edit], ...]:
    """The edits of several interventions, each with the index of its intervention."""
    return tuple((index, edit) for index, some in enumerate(edits) for edit in some)


def _checked(edit: Edit, edited: Any, tensor: torch.Tensor) -> torch.Tensor:
    if not isinstance(edited, torch.Tensor) or edited.shape != tensor.shape:
        found = tuple(edited.shape) if isinstance(edited, torch.Tensor) else type(edited).__name__
        raise InterventionError(
            f"The edit at {edit.site} gave {found}; expected a tensor of {tuple(tensor.shape)}."
        )
    return edited.to(device=tensor.device, dtype=tensor.dtype)


def _size(site: Site, difference: torch.Tensor) -> torch.Tensor:
    """The Euclidean norm of a difference, and the largest absolute number at each position."""
    numbers = difference.detach().float()
    axis = position_axis(site)
    others = [other for other in range(numbers.dim()) if other != axis]
    return torch.cat((torch.linalg.vector_norm(numbers).view(1), numbers.abs().amax(others)))


def _undone(
    wanted: torch.Tensor, edited: torch.Tensor, exists: torch.Tensor | None
) -> torch.Tensor | None:
    """Whether something was edited that is not there."""
    return None if exists is None else (wanted != edited).any()


def _fired(change: _Change, reach: Reach | None, *, unmoved: bool) -> Fired:
    norm, *by_position = change.size.tolist()
    largest = max(by_position, key=abs) if not any(map(isnan, by_position)) else nan
    norm = max(norm, largest)  # squares of tiny numbers are 0
    reason = ""
    if norm == 0:
        undone = change.undone is not None and bool(change.undone)
        reason = change.edit.absent if undone else change.edit.idle
    elif reach is not None:
        changed = [position for position, largest in enumerate(by_position) if largest != 0]
        reason = reach.why_not(change.edit.site, changed) or (_OVERRULED if unmoved else "")
    return Fired(change.nth, change.edit.site, norm, largest, reason)
