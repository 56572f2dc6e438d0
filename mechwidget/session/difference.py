"""What lies between two states of a session, in a sentence: what undo takes back, what was tried.

In flow two states; out flows text for people. Nothing is logged as changes are made: whatever made
them, the states say it themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mechwidget.interventions import Intervention
    from mechwidget.session.state import State


def what_changed(old: State, new: State) -> str:
    """What was done to get from one to the other; empty where nothing was."""
    return "; ".join(
        [*_question(old, new), *_list(old, new), *_switches(old, new), *_arrangement(old, new)]
    )


def _question(old: State, new: State) -> Iterator[str]:
    if new.tokens != old.tokens:
        yield f"Prompt “{new.prompt}”" if isinstance(new.prompt, str) else "Another prompt"
    if new.metric != old.metric:
        yield "No metric" if new.bound is None else f"Measure {new.bound.label}"
    if new.other_prompt != old.other_prompt:
        yield "No prompt B" if new.other_prompt is None else f"Prompt B “{new.other_prompt}”"
    if new.reference != old.reference:
        yield f"{len(new.reference)} reference prompts"


def _list(old: State, new: State) -> Iterator[str]:
    before, after = _by_id(old), _by_id(new)
    came = [each for id_, each in after.items() if before.get(id_) != each]
    gone = [each for id_, each in before.items() if id_ not in after]
    if came:
        yield _first(came)
    if gone:
        yield "Clear" if not after and len(gone) > 1 else f"Remove: {_first(gone)}"
    kept = [id_ for id_ in new.ids if id_ in before]
    if kept != [id_ for id_ in old.ids if id_ in after]:
        yield "Another order"


def _switches(old: State, new: State) -> Iterator[str]:
    both = set(old.interventions) & set(new.interventions)
    off = [each for each in new.interventions if each in both & (new.disabled - old.disabled)]
    on = [each for each in new.interventions if each in both & (old.disabled - new.disabled)]
    if off:
        yield f"Switch off: {_first(off)}"
    if on:
        yield f"Switch on: {_first(on)}"


def _arrangement(old: State, new: State) -> Iterator[str]:
    if old.arrangement != new.arrangement:
        yield from _names(old, new)
        yield from _groups(old, new)


def _names(old: State, new: State) -> Iterator[str]:
    was, now = old.arrangement, new.arrangement
    listed = _by_id(new)
    for id_ in set(listed) & set(old.ids):
        name = now.name_of(id_)
        if name != was.name_of(id_):
            yield f"Name “{name}”: {listed[id_].sentence}" if name else "Take a name away"


def _groups(old: State, new: State) -> Iterator[str]:
    before = {group.id: group for group in old.arrangement.groups}
    after = {group.id: group for group in new.arrangement.groups}
    yield from (f"Group “{after[id_].name}”" for id_ in after.keys() - before.keys())
    for id_ in before.keys() & after.keys():
        was, now = before[id_], after[id_]
        if now.name != was.name:
            yield f"Name “{now.name}”: group “{was.name}”"
        if now.strength != was.strength:
            yield f"Group “{now.name}” at {now.strength:g}"
    for id_ in before.keys() - after.keys():
        if set(before[id_].ids) <= set(new.ids):
            yield f"Ungroup “{before[id_].name}”"


def _by_id(state: State) -> dict[int, Intervention]:
    return dict(zip(state.ids, state.interventions, strict=True))


def _first(some: list[Intervention]) -> str:
    more = len(some) - 1
    return some[0].sentence + (f" and {more} more" if more else "")
