"""What can be done to the order, the names and the groups of a list of interventions.

In flow a state and a wish; out flows another state, or an error that says what is wrong. The order
of the list is the order in which edits of one site are applied; across sites the model's own order
rules.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from mechwidget.errors import InterventionError
from mechwidget.interventions.fields import finite_number
from mechwidget.session.arrangement import Arrangement, Group
from mechwidget.session.state import State, Which, group_meant, ids_meant
from mechwidget.session.strength import takes_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_NAME = 80

_GROUP_IDS = count(1)  # never one twice, also after undo


def moved(state: State, which: Which, to: int) -> State:
    """The same with one entry, or one group as a block, at place `to` of the list.

    An entry that comes to stand between two of a group is in it; one that no longer stands beside
    another of its group is not in it any more.
    """
    block = ids_meant(state, which)
    rest = [id_ for id_ in state.ids if id_ not in block]
    if isinstance(to, bool) or not isinstance(to, int) or not 0 <= to <= len(rest):
        raise InterventionError(f"There is no place {to!r}: the last is {len(rest)} (from 0).")
    old = state.arrangement
    if isinstance(which, str):
        down = to > state.ids.index(block[0])
        place = _beside_groups(rest, to, old, after=down)
        return _reordered(state, [*rest[:place], *block, *rest[place:]], old)
    before = old.group_of(rest[to - 1] if to else None)
    after = old.group_of(rest[to] if to < len(rest) else None)
    own = old.group_of(block[0])
    within = before is not None and before is after
    group = before if within else own if own in (before, after) else None
    new = old.without(*block)
    if group is not None:
        new = new.with_group(replace(group, ids=(*_others(group, block), *block)))
    return _reordered(state, [*rest[:to], *block, *rest[to:]], new)


def renamed(state: State, which: Which, name: str | None) -> State:
    """The same with another name of an entry (None or "" takes it away) or of a group."""
    if isinstance(which, str):
        group = replace(group_meant(state, which), name=_group_name(state, name, but=which))
        return replace(state, arrangement=state.arrangement.with_group(group))
    (id_,) = ids_meant(state, which)
    said = _checked_name(name) if name else ""
    return replace(state, arrangement=state.arrangement.named(id_, said))


def grouped(state: State, which: Iterable[Which], name: str | None = None) -> State:
    """The same with these entries as one group, together where the first of them is."""
    wanted = {id_ for each in which for id_ in ids_meant(state, each)}
    if not wanted:
        raise InterventionError("A group has at least one intervention.")
    members = tuple(id_ for id_ in state.ids if id_ in wanted)
    said = _free_name(state) if name is None else _group_name(state, name)
    rest = [id_ for id_ in state.ids if id_ not in wanted]
    first = sum(state.ids.index(id_) < state.ids.index(members[0]) for id_ in rest)
    old = state.arrangement.without(*members)
    place = _beside_groups(rest, first, old, after=True)
    new = old.with_group(Group(next(_GROUP_IDS), said, members))
    return _reordered(state, [*rest[:place], *members, *rest[place:]], new)


def ungrouped(state: State, name: str) -> State:
    """The same with the members of a group on their own, at the strength that they are listed."""
    gone = group_meant(state, name)
    groups = tuple(group for group in state.arrangement.groups if group != gone)
    return replace(state, arrangement=replace(state.arrangement, groups=groups))


def scaled(state: State, name: str, strength: float) -> State:
    """The same with another share of what the members of a group do."""
    group = group_meant(state, name)
    share = finite_number(strength, "The strength of a group")
    members = (state.interventions[state.ids.index(id_)] for id_ in group.ids)
    if not any(takes_share(member) for member in members):
        raise InterventionError(
            f"Nothing in the group {name!r} has a strength.",
            "A Scale, a Steer that adds, and a zero ablation have.",
        )
    new = state.arrangement.with_group(replace(group, strength=share))
    return replace(state, arrangement=new)


def group_with_id(state: State, id_: int) -> str:
    """The name of the group with this id."""
    for group in state.arrangement.groups:
        if group.id == id_:
            return group.name
    raise InterventionError("That group is not in the list any more.", "The list has changed.")


def _reordered(state: State, ids: Sequence[int], arrangement: Arrangement) -> State:
    listed = dict(zip(state.ids, state.interventions, strict=True))
    return replace(
        state,
        interventions=tuple(listed[id_] for id_ in ids),
        ids=tuple(ids),
        arrangement=arrangement.among(ids),
    )


def _beside_groups(rest: Sequence[int], at: int, arrangement: Arrangement, *, after: bool) -> int:
    """The place nearest to `at`, before or after it, that parts no group."""
    while 0 < at < len(rest):
        group = arrangement.group_of(rest[at - 1])
        if group is None or group is not arrangement.group_of(rest[at]):
            break
        at += 1 if after else -1
    return at


def _others(group: Group, block: Sequence[int]) -> tuple[int, ...]:
    return tuple(id_ for id_ in group.ids if id_ not in block)


def _group_name(state: State, name: object, but: str = "") -> str:
    said = _checked_name(name)
    if said != but and state.arrangement.group_named(said) is not None:
        raise InterventionError(f"There is a group {said!r} already.", "Choose another name.")
    return said


def _free_name(state: State) -> str:
    names = (f"Group {n}" for n in count(len(state.arrangement.groups) + 1))
    return next(name for name in names if state.arrangement.group_named(name) is None)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InterventionError("A name is text, at least one character of it.")
    said = name.strip()
    if len(said) > LONGEST_NAME:
        raise InterventionError(f"A name has at most {LONGEST_NAME} characters, not {len(said)}.")
    return said
