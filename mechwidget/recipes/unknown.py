"""What this version does not know survives: fields of a loaded recipe go along into the saved one.

In: the document that was loaded and the one that would be saved. Out: the second, with every field
of the first that the schema does not name, in the object that it was in. Entries of lists are found
again by what they are (see `matching`); with an entry that is gone, its fields are gone.
"""

from __future__ import annotations

from typing import Any

from mechwidget.recipes.matching import matched
from mechwidget.recipes.schema import Node, field, items, known_fields, schema

Document = dict[str, Any]

_WHOLE = ("does", "metric", "component")
"""What is understood as a whole or not at all; a part of another one has no place in it."""


def with_unknown(new: Document, old: Document) -> Document:
    """`new` with the fields of `old` that nobody here knows."""
    merged: Document = _merged(new, old, schema())
    return merged


def _merged(new: Any, old: Any, node: Node) -> Any:
    if isinstance(new, dict) and isinstance(old, dict):
        known = known_fields(node)
        made = {
            name: each
            if name in _WHOLE or name not in old
            else _merged(each, old[name], field(node, name))
            for name, each in new.items()
        }
        strange = {name: each for name, each in old.items() if name not in known}
        return made | {name: each for name, each in strange.items() if name not in new}
    if isinstance(new, list) and isinstance(old, list) and known_fields(items(node)):
        twins = {j: i for i, j in matched(old, new)}
        return [
            _merged(each, old[twins[j]], items(node)) if j in twins else each
            for j, each in enumerate(new)
        ]
    return new
