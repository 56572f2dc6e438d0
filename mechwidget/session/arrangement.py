"""The arrangement of a list of interventions: what people have named, and what they have grouped.

In flow the ids of what is listed; out flow names and groups, immutable. The members of a group
stand together in the list, so that drawing the group as a block tells the true order.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Group:
    """Interventions that are switched, removed and scaled as one.

    Attributes:
        id: its own for as long as it lasts.
        name: unlike that of any other group.
        ids: its members, in the order of the list.
        strength: the share of what its members do that is done: 0 nothing, 1 all of it.
    """

    id: int = field(compare=False)
    name: str
    ids: tuple[int, ...]
    strength: float = 1.0


@dataclass(frozen=True)
class Arrangement:
    """Names of entries, by id and in their order, and groups of them."""

    names: tuple[tuple[int, str], ...] = ()
    groups: tuple[Group, ...] = ()

    def name_of(self, id_: int) -> str:
        """What a person has named an entry; empty where that is nothing."""
        return dict(self.names).get(id_, "")

    def group_of(self, id_: int | None) -> Group | None:
        """The group that an entry is in."""
        return next((group for group in self.groups if id_ in group.ids), None)

    def group_named(self, name: str) -> Group | None:
        """The group of this name."""
        return next((group for group in self.groups if group.name == name), None)

    def named(self, id_: int, name: str) -> Arrangement:
        """The same with another name of an entry; none for an empty one."""
        rest = tuple(pair for pair in self.names if pair[0] != id_)
        return replace(self, names=tuple(sorted((*rest, (id_, name)))) if name else rest)

    def with_group(self, group: Group) -> Arrangement:
        """The same with this group, in the place of the one with its id where there is one."""
        if all(each.id != group.id for each in self.groups):
            return replace(self, groups=(*self.groups, group))
        groups = tuple(group if each.id == group.id else each for each in self.groups)
        return replace(self, groups=groups)

    def without(self, *ids: int) -> Arrangement:
        """The same with these entries in no group."""
        groups = tuple(
            replace(group, ids=tuple(id_ for id_ in group.ids if id_ not in ids))
            for group in self.groups
        )
        return replace(self, groups=groups)

    def among(self, ids: Sequence[int]) -> Arrangement:
        """What is left of it for a list of these ids, in this order.

        Of a group stay those that stand together, from its first on; an empty one is gone.
        """
        if not self.names and not self.groups:
            return self
        listed = set(ids)
        places = {id_: place for place, id_ in enumerate(ids)}
        groups = (replace(group, ids=_together(group.ids, places)) for group in self.groups)
        return Arrangement(
            tuple(pair for pair in self.names if pair[0] in listed),
            tuple(group for group in groups if group.ids),
        )


def _together(members: Sequence[int], places: dict[int, int]) -> tuple[int, ...]:
    found = sorted((id_ for id_ in members if id_ in places), key=places.__getitem__)
    kept = (id_ for nth, id_ in enumerate(found) if places[id_] == places[found[0]] + nth)
    return tuple(kept)
