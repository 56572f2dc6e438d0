"""Setting: put given numbers in the place of what a component holds.

What is set is the component's activation (see `components`), of an `ExpertNeuron` only for the
tokens that were sent to its expert; the rest of the row of an `Edge` stays as it was.

One number fills the component; a vector is put at each of its positions. A value per position is a
mapping {position: value}, or pairs (position, value), or a tensor `[pos, width]` from position 0
on; then the component itself names no positions, and the others stay as they were. In a generation
it may also name positions of tokens to come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError
from mechwidget.interventions.components import SITED, Edge
from mechwidget.interventions.fields import MOST_POSITIONS, finite_number, integer, short
from mechwidget.interventions.intervention import (
    Intervention,
    component_edits,
    require_component,
)
from mechwidget.interventions.vectors import Vector, vector_of
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.interventions.component import Component
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.window import Window


PerPosition = tuple[tuple[int, "float | Vector"], ...]
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SetValue(Intervention):
    """Set `component` to `value`, e.g. `mw.SetValue(mw.Neuron(1, 7), 4.0)`.

    Attributes:
        component: a `Head`, `Attention`, `MLP`, `Neuron`, `ExpertNeuron`,
            `Feature`, `Residual` or `Edge`.
        value: a number, or a `Vector` (or its bare numbers) as long as the component is wide; or
            one of these per position.
    """

    kind = "set_value"
    component: Component
    value: float | Vector | PerPosition

    def __post_init__(self) -> None:
        require_component(self.component, "SetValue", (*SITED, Edge))
        object.__setattr__(self, "value", _value(self.value))
        if isinstance(self.value, tuple) and self.component.positions is not None:
            raise InterventionError(
                f"{self.component} names positions, and so do the values.",
                "Give a value per position for a component without positions.",
            )

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        if not isinstance(self.value, tuple):
            return f"Set {self.component} to {_words(self.value)}"
        if len(self.value) > _SHOWN:
            return f"Set {self.component} to {len(self.value)} values, one per position"
        each = [f"{_words(value)} at {position}" for position, value in self.value]
        return f"Set {self.component} to {', '.join(each)}"

    def edits_at(self, model: HookedModel, window: Window) -> Sequence[Edit]:
        """One edit of the component's site, with the values whose positions are in the window."""
        if not isinstance(self.value, tuple):
            return Intervention.edits_at(self, model, window)
        placed = [(window.place(p, self.component), value) for p, value in self.value]
        here = tuple((p - window.start, value) for p, value in placed if p in window)
        if not here:
            self.component.check(model)
            return ()
        return SetValue(self.component, here).edits(model, len(window))

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """One edit of the component's site."""
        self.component.check(model)
        if not isinstance(self.value, tuple):
            return self._edits(self.component, self.value, model, n_positions)
        places = [self.component.place(position, n_positions) for position, _ in self.value]
        if len(set(places)) < len(places):
            raise InterventionError(f"{self.sentence} sets one position twice.")
        for _, value in self.value:
            if isinstance(value, Vector):
                require_width(value, self.component, model)
        apply = partial(_set_each, self.component, list(zip(places, self.value, strict=True)))
        edit = Edit(self.component.site, apply, absent=self.component.absent)
        return self.component.placed(edit)

    def _edits(
        self, component: Component, value: float | Vector, model: HookedModel, n_positions: int
    ) -> Sequence[Edit]:
        if not isinstance(value, Vector):
            return component_edits(component, n_positions, lambda _: value)
        require_width(value, component, model)
        numbers = value.values
        return component_edits(component, n_positions, lambda x: x.new_tensor(numbers))


def _set_each(
    component: Component,
    placed: list[tuple[int, tuple[int, float | Vector]]],
    tensor: torch.Tensor,
) -> torch.Tensor:
    edited = tensor.clone()
    for place, (_, value) in placed:
        one = tensor.new_tensor(value.values) if isinstance(value, Vector) else value
        edited[component.at([place])] = one
    return edited


def require_width(vector: Vector, component: Component, model: HookedModel) -> None:
    """Raise `InterventionError` unless the vector is as long as the component is wide."""
    width = component.width(model)
    if len(vector) != width:
        has = f"is {width} numbers wide" if width else "is a single number"
        raise InterventionError(f"{component} {has}; the vector has {len(vector)}.")


def _value(value: Any) -> float | Vector | PerPosition:
    if isinstance(value, Mapping) and not set(value) & {"name", "values"}:
        return _per_position(list(value.items()))
    if getattr(value, "ndim", 1) == 2:
        return _per_position(list(enumerate(value)))
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple)):
        return _per_position(value)
    return _one_value(value)


def _one_value(value: Any) -> float | Vector:
    one_axis = getattr(value, "ndim", 1) == 1 and hasattr(value, "__len__")
    if isinstance(value, Vector) or (one_axis and not isinstance(value, (str, bytes))):
        return vector_of(value)
    return finite_number(value, "The value")


def _per_position(items: Sequence[Any]) -> PerPosition:
    if not 0 < len(items) <= MOST_POSITIONS:
        raise InterventionError(
            f"The value has {len(items):,} positions; expected 1 to {MOST_POSITIONS:,}."
        )
    values: dict[int, float | Vector] = {}
    for item in items:
        if not isinstance(item, (list, tuple)) or len(item) != 2:
            raise InterventionError(
                f"The value has {short(item)}; expected pairs (position, value)."
            )
        position = integer(item[0], "a position")
        if position in values:
            raise InterventionError(f"The value has position {position} twice.")
        values[position] = _one_value(item[1])
    return tuple(sorted(values.items(), key=lambda pair: pair[0]))


def _words(value: float | Vector) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
