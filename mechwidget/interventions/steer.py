"""Steering: move an activation along a direction.

With x the activation at one position (a vector), v the given one, v̂ = v / ‖v‖ and c the
coefficient:

- "add", unit "absolute": x + c · v; unit "share": x + c · ‖x‖ · v̂, so that 0.1 moves every
  position by a tenth of its own norm.
- "clamp along": x + (t - x·v̂) · v̂, after which the component along v̂ is t = c (unit "absolute")
  or t = c · ‖x‖, with ‖x‖ from before (unit "share"); what is orthogonal to v stays.
- "project out": the same with t = 0, whatever was there; it takes no coefficient.

Lengths and products are taken in float32 at least. Coefficient 0 in "add" changes no bit. What
is added to `Residual` stays in the stream; on `Head` x is its slice of `z`, and on `Attention` and
`MLP` it is what they write.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mechwidget.errors import InterventionError
from mechwidget.interventions.components import STREAM_WIDE
from mechwidget.interventions.fields import finite_number, one_of
from mechwidget.interventions.intervention import (
    Intervention,
    component_edits,
    require_component,
)
from mechwidget.interventions.set_value import require_width
from mechwidget.interventions.vectors import Vector, vector_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.interventions.component import Component
    from mechwidget.models.edit import Edit
    from mechwidget.models.hooked_model import HookedModel

UNITS = ("absolute", "share")
STEERINGS = ("add", "project out", "clamp along")


@dataclass(frozen=True, slots=True)
class Steer(Intervention):
    """Steer `component` along `vector`, e.g. `mw.Steer(mw.Residual(3), direction, 4.0)`.

    Attributes:
        component: a `Residual`, `Attention`, `MLP` or `Head`.
        vector: a `Vector`, or its bare numbers; as long as the component is wide.
        coefficient: how much.
        unit: "absolute", or "share" of the activation's norm at each position.
        mode: "add", "project out" or "clamp along".
    """

    kind = "steer"
    component: Component
    vector: Vector
    coefficient: float = 1.0
    unit: str = "absolute"
    mode: str = "add"

    def __post_init__(self) -> None:
        require_component(self.component, "Steer", STREAM_WIDE)
        object.__setattr__(self, "vector", vector_of(self.vector))
        number = finite_number(self.coefficient, "The coefficient")
        object.__setattr__(self, "coefficient", number)
        one_of(self.unit, "The unit", UNITS)
        one_of(self.mode, "Steer mode", STEERINGS)
        if (self.unit, self.mode) != ("absolute", "add") and self.vector.norm == 0:
            raise InterventionError("The vector is 0 everywhere: it has no direction.")
        if self.mode == "project out" and (number, self.unit) != (1.0, "absolute"):
            raise InterventionError(
                "Projecting out takes everything along the vector; it has no coefficient or unit.",
                'mode="clamp along" sets how much is left.',
            )

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        if self.mode == "project out":
            return f"Project {self.vector} out of {self.component}"
        share = " of its norm" if self.unit == "share" else ""
        if self.mode == "clamp along":
            return f"Clamp {self.component} along {self.vector} to {self.coefficient:g}{share}"
        how = f"{self.coefficient:g}{share} along" if share else f"{self.coefficient:g} times"
        return f"Steer {self.component} by {how} {self.vector}"

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """One edit of the component's site."""
        self.component.check(model)
        require_width(self.vector, self.component, model)
        adds = self.mode == "add"
        idle = "the coefficient is 0" if adds and self.coefficient == 0 else _IDLE[self.mode]
        return component_edits(self.component, n_positions, partial(_steered, self), idle)


_IDLE = {
    "add": "what was added is too small to be told apart in this dtype",
    "project out": "it had nothing along the vector",
    "clamp along": "it was there already",
}


def _steered(steer: Steer, x: torch.Tensor) -> torch.Tensor:
    """`x[..., width]`, steered."""
    if steer.mode == "add" and steer.coefficient == 0:
        return x
    wide = x if x.element_size() > 2 else x.float()
    v: torch.Tensor = wide.new_tensor(steer.vector.values)
    if steer.unit == "absolute" and steer.mode == "add":
        return wide + steer.coefficient * v
    v = v / v.norm()
    target: torch.Tensor = wide.new_tensor(steer.coefficient)
    if steer.unit == "share":
        target = target * wide.norm(dim=-1, keepdim=True)
    if steer.mode == "add":
        return wide + target * v
    along = (wide @ v).unsqueeze(-1)
    return wide - along * v if steer.mode == "project out" else wide + (target - along) * v
