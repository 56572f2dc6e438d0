"""Components and interventions from JSON that nobody has checked yet.

In: decoded JSON from a page or a file. Out: frozen values, or an `InterventionError` that names
the field, what it was and what was expected. Nothing is guessed, nothing unknown is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mechwidget.errors import InterventionError
from mechwidget.interventions.components import KINDS
from mechwidget.interventions.fields import short
from mechwidget.interventions.freeze import FROZEN, Freeze
from mechwidget.interventions.kinds import intervention_kind, intervention_kinds, not_usable

if TYPE_CHECKING:
    from mechwidget.interventions.component import Component
    from mechwidget.interventions.intervention import Intervention

Chosen = TypeVar("Chosen")


def component_from_json(data: Any) -> Component:
    """The component that `component.to_json()` described."""
    record = _record(data, "component")
    kind = _choice(record, "component type", KINDS)
    arguments = _arguments(record, kind, kind.kind, "expected an integer.")
    positions = arguments.get("positions")
    if positions is not None and not isinstance(positions, list):
        raise InterventionError(f"positions is {short(positions)}; expected a list of integers.")
    build: Callable[..., Component] = kind
    return build(**arguments)


def intervention_from_json(data: Any) -> Intervention:
    """The intervention that `intervention.to_json()` described, of a plugin's kind too."""
    record = _record(data, "intervention")
    kind = _kind(record)
    read: Callable[[Mapping[str, Any]], Intervention] | None = getattr(kind, "from_json", None)
    if read is not None:
        return read(record)
    name = kind.kind.replace("_", " ")
    arguments = _arguments(record, kind, name, f"expected what it is to {name}.")
    named = kind is Freeze and isinstance(arguments["component"], str)
    if "component" in arguments and not (named and arguments["component"] in FROZEN):
        arguments["component"] = component_from_json(arguments["component"])
    build: Callable[..., Intervention] = kind
    return build(**arguments)


def _kind(record: Mapping[str, Any]) -> type[Intervention]:
    name = record.get("type")
    found = intervention_kind(name) if isinstance(name, str) else None
    if found is None:
        why = not_usable(name) if isinstance(name, str) else ""
        there = " or ".join(map(repr, intervention_kinds()))
        raise InterventionError(
            f"The intervention type is {short(name)}; expected {there}.", f"{why}." if why else ""
        )
    return found


def _arguments(
    record: Mapping[str, Any], kind: type[Any], what: str, expected: str
) -> dict[str, Any]:
    """The fields of a dataclass, all that it needs and none that it does not know."""
    known = {field.name: field for field in fields(cast("Any", kind))}
    unknown = sorted(set(record) - {"type", *known})
    if unknown:
        raise InterventionError(
            f"{what} has an unknown field {short(unknown[0])}; expected {sorted(known)}."
        )
    for name, field in known.items():
        if field.default is MISSING and name not in record:
            raise InterventionError(f"{what} has no {name!r}; {expected}")
    return {name: record[name] for name in known if name in record}


def _record(data: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise InterventionError(f"The {what} is {short(data)}; expected a JSON object.")
    return data


def _choice(record: Mapping[str, Any], what: str, choices: Mapping[str, Chosen]) -> Chosen:
    name = record.get("type")
    if not isinstance(name, str) or name not in choices:
        raise InterventionError(
            f"The {what} is {short(name)}; expected {' or '.join(map(repr, choices))}."
        )
    return choices[name]
