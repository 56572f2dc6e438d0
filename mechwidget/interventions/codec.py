"""Components and interventions from JSON that nobody has checked yet.

In: decoded JSON from a page or a file. Out: frozen values, or an `InterventionError` that names
the field, what it was and what was expected. Nothing is guessed, nothing unknown is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mechwidget.errors import InterventionError
from mechwidget.interventions.ablate import Ablate
from mechwidget.interventions.components import KINDS
from mechwidget.interventions.fields import short
from mechwidget.interventions.freeze import FROZEN, Freeze
from mechwidget.interventions.knock_out import KnockOut
from mechwidget.interventions.patch import Patch
from mechwidget.interventions.replace_pattern import ReplacePattern
from mechwidget.interventions.scale import Scale
from mechwidget.interventions.set_value import SetValue
from mechwidget.interventions.skip_layer import SkipLayer
from mechwidget.interventions.steer import Steer

if TYPE_CHECKING:
    from mechwidget.interventions.component import Component
    from mechwidget.interventions.intervention import Intervention

Chosen = TypeVar("Chosen")

_TYPES: tuple[type[Intervention], ...] = (
    Ablate,
    Freeze,
    KnockOut,
    Patch,
    ReplacePattern,
    Scale,
    SetValue,
    SkipLayer,
    Steer,
)
INTERVENTIONS = {each.kind: each for each in _TYPES}


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
    """The intervention that `intervention.to_json()` described."""
    record = _record(data, "intervention")
    kind = _choice(record, "intervention type", INTERVENTIONS)
    name = kind.kind.replace("_", " ")
    arguments = _arguments(record, kind, name, f"expected what it is to {name}.")
    named = kind is Freeze and isinstance(arguments["component"], str)
    if not named or arguments["component"] not in FROZEN:
        arguments["component"] = component_from_json(arguments["component"])
    build: Callable[..., Intervention] = kind
    return build(**arguments)


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
