"""The kinds of interventions: this library's own and those of plugins, by the name that JSON has.

In: the "type" of a record. Out: the class, loaded when it is first asked for; and why a plugin's
class is none.
"""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from typing import cast

from mechwidget.errors import InterventionError
from mechwidget.interventions.intervention import Intervention
from mechwidget.plugin_api import REGISTRY

GROUP = "interventions"


def intervention_kind(name: str) -> type[Intervention] | None:
    """The kind of that name; None where there is none that works."""
    return cast("type[Intervention] | None", REGISTRY.part(GROUP, name))


def intervention_kinds() -> tuple[str, ...]:
    """The names of all kinds."""
    return REGISTRY.names(GROUP)


def not_usable(name: str) -> str:
    """Why a kind that is installed cannot be used; empty where it can, or is not installed."""
    record = REGISTRY.record(GROUP, name)
    return f"{record.origin} has it, but {record.reason}" if record and record.reason else ""


def fault(name: str, part: object) -> str:
    """Why something is no kind of intervention; empty where it is one."""
    if not isinstance(part, type) or not issubclass(part, Intervention):
        return "it is no subclass of mechwidget.interventions.Intervention"
    if part.kind != name:
        return f"its kind is {part.kind!r:.40}, and its entry point is called {name!r}"
    if not is_dataclass(part) or not getattr(part, "__dataclass_params__").frozen:  # noqa: B009
        return "it is no frozen dataclass"
    lacking: list[str] = sorted(getattr(part, "__abstractmethods__", ()))
    return f"it has no {' and no '.join(lacking)}" if lacking else ""


def check_kind(intervention: Intervention) -> None:
    """Raise `InterventionError` where what a kind of somebody else's says cannot be shown or saved.

    A kind that is no plugin and not ours, made in a cell, is held to the same.
    """
    if type(intervention).__module__.startswith("mechwidget."):
        return
    name = type(intervention).__name__
    if not isinstance(intervention.sentence, str) or not intervention.sentence.strip():
        raise InterventionError(f"The sentence of a {name} has to be text, and is not.")
    try:
        hash(intervention)
        json.dumps(intervention.to_json(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InterventionError(
            f"A {name} cannot be kept: {error}.",
            "Its fields have to be plain values, tuples of them, or components.",
        ) from error
