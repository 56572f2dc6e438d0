"""Which entry of one list is which of another, so that two recipes are compared as people see them.

In: two lists of entries. Out: pairs of places. Interventions are the same where they do the same;
else where a person gave them the same name; else where they are of one kind on one component, so
that another strength is a change and not a farewell and an arrival.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from mechwidget.recipes.validation import canonical

Entry = dict[str, Any]
Pairs = list[tuple[int, int]]
Key = Callable[[Any], Hashable]


def matched(old: Sequence[Any], new: Sequence[Any]) -> Pairs:
    """Places of what is in both lists, in the order of the second; each once."""
    pairs: Pairs = []
    left, right = list(range(len(old))), list(range(len(new)))
    for key in _KEYS:
        places: defaultdict[Hashable, list[int]] = defaultdict(list)
        for i in left:
            places[key(old[i])].append(i)
        for j in tuple(right):
            wanted = key(new[j])
            if wanted is not None and places[wanted]:
                i = places[wanted].pop(0)
                pairs.append((i, j))
                left.remove(i)
                right.remove(j)
    return sorted(pairs, key=lambda pair: pair[1])


def _whole(entry: Any) -> Hashable:
    """What an intervention does; of everything else, all of it."""
    does = entry.get("does", entry) if isinstance(entry, dict) else entry
    return canonical(does)


def _name(entry: Any) -> Hashable:
    name = entry.get("name") if isinstance(entry, dict) else None
    return name or None


def _part(entry: Any) -> Hashable:
    """The kind and the component."""
    does = entry.get("does") if isinstance(entry, dict) else None
    if not isinstance(does, dict) or "component" not in does:
        return None
    return canonical([does.get("type"), does["component"]])


def _text(entry: Any) -> Hashable:
    """What a prompt says, or which view it is."""
    if not isinstance(entry, dict):
        return None
    return entry.get("text") or entry.get("view") or entry.get("sentence") or None


_KEYS: tuple[Key, ...] = (_whole, _name, _part, _text)
