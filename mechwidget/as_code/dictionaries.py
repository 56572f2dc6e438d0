"""The lines that make dictionaries known by their names, before a feature of theirs is named.

In: interventions. Out: what is taken from where the script is run, and calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.as_code.layout import Expression, call, comment, quoted, statement
from mechwidget.dictionaries import Dictionary, find_dictionary
from mechwidget.interventions import Feature

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mechwidget.interventions import Intervention


def registrations(interventions: Iterable[Intervention]) -> tuple[list[str], list[str]]:
    """Imports of what only memory has, and a registration per dictionary."""
    targets = (each.target for each in interventions)
    names = dict.fromkeys(t.dictionary for t in targets if isinstance(t, Feature))
    memory: list[str] = []
    lines: list[str] = []
    for nth, name in enumerate(names, 1):
        known = find_dictionary(name)
        if isinstance(known, Dictionary) and known.loaded_from:
            sites = {"reads": quoted(str(known.reads)), "writes": quoted(str(known.writes))}
            given: Expression = call("mw.Dictionary.load", quoted(known.loaded_from), **sites)
        else:
            given = f"dictionary_{nth}"
            memory += comment(f"`{given}`: the dictionary of features called “{name}”")
            memory.append(f"from __main__ import {given}")
        lines += statement("", call("mw.register_dictionary", quoted(name), given))
    return memory, lines
