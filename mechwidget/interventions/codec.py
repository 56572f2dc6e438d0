"""Components and interventions from JSON that nobody has checked yet.

In: decoded JSON from a page or a file. Out: frozen values, or an `InterventionError` that names
the field, what it was and what was expected. Nothing is guessed, nothing unknown is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mechwidget.errors import InterventionError
from mechwidget.interventions.ablate import Ablate
from mechwidget.interventions.components import KINDS, Component
from mechwidget.interventions.fields import short

Chosen = TypeVar("Chosen")


def component_from_json(data: Any) -> Component:
    """The component that `component.to_json()` described."""
    record = _record(data, "component")
    kind = _choice(record, "component type", KINDS)
    fields = ["layer", *([kind.unit_field] if kind.unit_field else [])]
    _only(record, {"type", "positions", *fields}, kind.kind)
    for field in fields:
        if field not in record:
            raise InterventionError(f"{kind.kind} has no {field!r}; expected an integer.")
    arguments = {name: record[name] for name in fields}
    positions = record.get("positions")
    if positions is not None and not isinstance(positions, list):
        raise InterventionError(f"positions is {short(positions)}; expected a list of integers.")
    build: Callable[..., Component] = kind
    return build(**arguments, positions=positions)


def intervention_from_json(data: Any) -> Ablate:
    """The intervention that `intervention.to_json()` described."""
    record = _record(data, "intervention")
    _choice(record, "intervention type", {"ablate": Ablate})
    _only(record, {"type", "component", "mode"}, "ablate")
    if "component" not in record:
        raise InterventionError("ablate has no 'component'; expected what it is to ablate.")
    mode = record.get("mode", "zero")
    if not isinstance(mode, str):
        raise InterventionError(f"Ablate mode is {short(mode)}; expected 'zero'.")
    return Ablate(component_from_json(record["component"]), mode)


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


def _only(record: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(record) - known)
    if unknown:
        raise InterventionError(
            f"{what} has an unknown field {short(unknown[0])}; expected {sorted(known)}."
        )
