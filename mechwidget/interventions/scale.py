"""Scaling: multiply what a component holds, or what a layer adds, by a number.

What is scaled is the component's activation (see `components`): of a head or a neuron not the bias
of the projection that it goes into, of an `Attention` or an `MLP` every bias too. After a `Layer`
the stream is `before + factor · (after - before)`. The row of an `Edge` is not made to sum to 1
again (see `KnockOut`).

Factor 0 is `Ablate(…, "zero")` (for a layer `SkipLayer`), factor 1 changes nothing, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.interventions.component import Component
from mechwidget.interventions.components import AHEAD, Edge, Layer
from mechwidget.interventions.fields import finite_number
from mechwidget.interventions.intervention import (
    Intervention,
    component_edits,
    require_component,
)
from mechwidget.interventions.skip_layer import added_by_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.models.edit import Edit
    from mechwidget.models.hooked_model import HookedModel


@dataclass(frozen=True, slots=True)
class Scale(Intervention):
    """Multiply `component` by `factor`, e.g. `mw.Scale(mw.Head(1, 2), 0.5)`."""

    kind = "scale"
    component: Component
    factor: float

    def __post_init__(self) -> None:
        require_component(self.component, "Scale", (Component,))
        object.__setattr__(self, "factor", finite_number(self.factor, "The factor"))

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        return f"Scale {self.component} by {self.factor:g}"

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """One edit of the component's site; for a layer, also a look at what enters it."""
        self.component.check(model)
        factor = self.factor
        if isinstance(self.component, Layer):
            return added_by_layer(self.component, n_positions, factor)
        idle = "scaling by 1 changes nothing" if factor == 1 else "it was 0"
        if isinstance(self.component, Edge) and self.component.is_ahead(model, n_positions):
            idle = AHEAD
        return component_edits(self.component, n_positions, lambda x: x * factor, idle)
