"""Directions in activation space, as plain numbers with a name.

In: a list, an array or a tensor of one axis, from code or from JSON. Out: a frozen `Vector`,
equal to another when name and numbers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot
from typing import Any

from mechwidget.errors import InterventionError
from mechwidget.interventions.fields import finite_numbers, short

_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector with a name, e.g. `mw.Vector(direction, "truth")`.

    Attributes:
        values: its numbers; anything of one axis is taken.
        name: what it is called in sentences, possibly "".
    """

    values: tuple[float, ...]
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", finite_numbers(self.values, "a vector"))
        if not isinstance(self.name, str) or len(self.name) > _LONGEST_NAME:
            raise InterventionError(
                f"A vector's name is {short(self.name)}; "
                f"expected text of at most {_LONGEST_NAME} characters."
            )

    @property
    def norm(self) -> float:
        """Its Euclidean length."""
        return hypot(*self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        plural = "" if len(self) == 1 else "s"
        return f"“{self.name}”" if self.name else f"a vector of {len(self)} number{plural}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, numbers included, that `vector_of` reads back to an equal vector."""
        return {"name": self.name, "values": list(self.values)}


def vector_of(value: Any) -> Vector:
    """A `Vector` from one, from its JSON, or from bare numbers."""
    if isinstance(value, Vector):
        return value
    if not isinstance(value, Mapping):
        return Vector(value)
    unknown = sorted(map(str, set(value) - {"name", "values"}))
    if unknown or "values" not in value:
        wrong = f"an unknown field {short(unknown[0])}" if unknown else "no 'values'"
        raise InterventionError(f"A vector has {wrong}; expected name and values.")
    return Vector(value["values"], value.get("name", ""))
