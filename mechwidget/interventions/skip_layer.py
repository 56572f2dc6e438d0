"""Skipping a layer: what leaves the block is what entered it.

The whole block (attention, MLP, norms and biases) adds nothing to the residual stream at the
chosen positions; the stream itself passes by. This is not zeroing the block's output, which
would delete the stream. Inside the block everything is still computed, so that other positions
attend as before.

In: a layer. Out: a look at `resid_pre`, after every other edit there, and an edit of `resid_post`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.interventions.components import Layer
from mechwidget.interventions.intervention import Intervention, require_component
from mechwidget.models.edit import Edit
from mechwidget.models.sites import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.models.hooked_model import HookedModel


@dataclass(frozen=True, slots=True)
class SkipLayer(Intervention):
    """Let the residual stream pass by one layer, e.g. `mw.SkipLayer(3)`.

    Attributes:
        component: the `Layer`, or its number.
    """

    kind = "skip_layer"
    component: Layer

    def __post_init__(self) -> None:
        if isinstance(self.component, int) and not isinstance(self.component, bool):
            object.__setattr__(self, "component", Layer(self.component))
        require_component(self.component, "SkipLayer", (Layer,))

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        return f"Skip {self.component}"

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """A look at what enters the block, and an edit of what leaves it."""
        self.component.check(model)
        return added_by_layer(self.component, n_positions, 0.0)


def added_by_layer(layer: Layer, n_positions: int, factor: float) -> Sequence[Edit]:
    """Edits after which the block adds `factor` times what it would have added."""
    where, shares = layer.within(n_positions), object()

    def look(stream: torch.Tensor, shared: dict[str, torch.Tensor]) -> torch.Tensor:
        shared["entered"] = stream.clone()  # a block may go on to write into it
        return stream

    def apply(left: torch.Tensor, shared: dict[str, torch.Tensor]) -> torch.Tensor:
        if factor == 1:
            return left
        edited = left.clone()
        passing = shared["entered"].to(left.device)[where]
        added = left[where] - passing
        edited[where] = passing if factor == 0 else passing + factor * added
        return edited

    idle = "scaling by 1 changes nothing" if factor == 1 else "the layer added nothing"
    return (
        Edit(Site("resid_pre", layer.layer), look, looks=True, shares=shares),
        Edit(layer.site, apply, idle=idle, shares=shares),
    )
