"""Setting: put given numbers in the place of what a component holds.

`Head`: its slice of `z`; `Neuron`: its entry of `mlp_post`; `Attention`, `MLP`: the whole write to
the residual stream; `Residual`: the stream; `Edge`: its entry of the pattern, the rest of the row
as it was. One number fills the component; a vector is put at each of its positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError
from mechwidget.interventions.components import (
    MLP,
    Attention,
    Edge,
    Head,
    Neuron,
    Residual,
)
from mechwidget.interventions.fields import finite_number
from mechwidget.interventions.intervention import (
    Intervention,
    component_edit,
    require_component,
)
from mechwidget.interventions.vectors import Vector, vector_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.interventions.component import Component
    from mechwidget.models.edit import Edit
    from mechwidget.models.hooked_model import HookedModel


@dataclass(frozen=True, slots=True)
class SetValue(Intervention):
    """Set `component` to `value`, e.g. `mw.SetValue(mw.Neuron(1, 7), 4.0)`.

    Attributes:
        component: a `Head`, `Attention`, `MLP`, `Neuron`, `Residual` or `Edge`.
        value: a number, or a `Vector` (or its bare numbers) as long as the component is wide.
    """

    kind = "set_value"
    component: Component
    value: float | Vector

    def __post_init__(self) -> None:
        kinds = (Head, Attention, MLP, Neuron, Residual, Edge)
        require_component(self.component, "SetValue", kinds)
        object.__setattr__(self, "value", _value(self.value))

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        value = f"{self.value:g}" if isinstance(self.value, float) else str(self.value)
        return f"Set {self.component} to {value}"

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """One edit of the component's site."""
        self.component.check(model)
        value = self.value
        if isinstance(value, Vector):
            require_width(value, self.component, model)
            numbers = value.values
            return (component_edit(self.component, n_positions, lambda x: x.new_tensor(numbers)),)
        return (component_edit(self.component, n_positions, lambda _: value),)


def require_width(vector: Vector, component: Component, model: HookedModel) -> None:
    """Raise `InterventionError` unless the vector is as long as the component is wide."""
    width = component.width(model)
    if len(vector) != width:
        has = f"is {width} numbers wide" if width else "is a single number"
        raise InterventionError(f"{component} {has}; the vector has {len(vector)}.")


def _value(value: Any) -> float | Vector:
    one_axis = getattr(value, "ndim", 1) == 1 and hasattr(value, "__len__")
    if isinstance(value, Vector) or (one_axis and not isinstance(value, (str, bytes))):
        return vector_of(value)
    return finite_number(value, "The value")
