"""Ablation: take a component out of the forward pass.

What "zero" means, exactly. The activation that the component's site holds is set to 0 at the
chosen positions, and nothing else is touched:

- `Head`: its slice of `z`, the input of the output projection. The head's value bias goes with
  it; the projection's bias b_O belongs to no head and stays.
- `Neuron`: its entry of `mlp_post`, the input of the down projection. That bias stays too.
- `Attention`, `MLP`: the whole write to the residual stream, biases included, after a
  post-norm where the model has one. What is left is the stream as it would pass by.
- `Residual`: the stream itself, whatever the layers before have written to it.

In: a component and a mode. Out: the edit that a run applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.interventions.components import (
    MLP,
    Attention,
    Component,
    Head,
    Neuron,
    Residual,
)
from mechwidget.interventions.fields import one_of
from mechwidget.interventions.intervention import (
    Intervention,
    component_edit,
    require_component,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.models.edit import Edit
    from mechwidget.models.hooked_model import HookedModel

MODES = ("zero",)


@dataclass(frozen=True, slots=True)
class Ablate(Intervention):
    """Take `component` out of the forward pass.

    Attributes:
        component: a `Head`, `Attention`, `MLP`, `Neuron` or `Residual`.
        mode: what takes its place; "zero" is the only mode so far.
    """

    kind = "ablate"
    always = ("mode",)
    component: Component
    mode: str = "zero"

    def __post_init__(self) -> None:
        require_component(self.component, "Ablate", (Head, Attention, MLP, Neuron, Residual))
        one_of(self.mode, "Ablate mode", MODES)

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        return f"Zero {self.component}"

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """The edit for one run over `n_positions` tokens, checked against `model`."""
        self.component.check(model)
        return (component_edit(self.component, n_positions, lambda _: 0.0, "it was 0 already"),)
