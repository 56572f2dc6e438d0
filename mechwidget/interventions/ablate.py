"""Ablation: take a component out of the forward pass.

What "zero" means, exactly. The activation that the component's site holds is set to 0 at the
chosen positions, and nothing else is touched:

- `Head`: its slice of `z`, the input of the output projection. The head's value bias goes with
  it; the projection's bias b_O belongs to no head and stays.
- `Neuron`: its entry of `mlp_post`, the input of the down projection. That bias stays too.
- `Attention`, `MLP`: the whole write to the residual stream, biases included, after a
  post-norm where the model has one. What is left is the stream as it would pass by.

In: a component and a mode. Out: the edit that a run applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError
from mechwidget.interventions.components import Component
from mechwidget.interventions.fields import short
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.models.hooked_model import HookedModel

MODES = ("zero",)


@dataclass(frozen=True, slots=True)
class Ablate:
    """Take `component` out of the forward pass.

    Attributes:
        component: a `Head`, `MLP`, `Attention` or `Neuron`.
        mode: what takes its place; "zero" is the only mode so far.
    """

    component: Component
    mode: str = "zero"

    def __post_init__(self) -> None:
        if not isinstance(self.component, Component):
            raise InterventionError(
                f"Ablate was given {short(self.component)}; "
                "expected a Head, MLP, Attention or Neuron."
            )
        if self.mode not in MODES:
            raise InterventionError(
                f"Ablate mode is {short(self.mode)}; expected {' or '.join(map(repr, MODES))}."
            )

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        return f"Zero {self.component}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `intervention_from_json` reads back to an equal intervention."""
        return {"type": "ablate", "component": self.component.to_json(), "mode": self.mode}

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """The edit for one run over `n_positions` tokens, checked against `model`."""
        self.component.check(model)
        where = _within(self.component, n_positions)
        return (Edit(self.component.site, partial(_zeroed, where, self.component.unit)),)


def _within(component: Component, n_positions: int) -> list[int] | None:
    if component.positions is None:
        return None
    for position in component.positions:
        if not -n_positions <= position < n_positions:
            raise InterventionError(
                f"{component} names position {position}; the prompt has {n_positions} tokens."
            )
    return sorted({position % n_positions for position in component.positions})


def _zeroed(where: list[int] | None, unit: int | None, tensor: torch.Tensor) -> torch.Tensor:
    edited = tensor.clone()
    rows = slice(None) if where is None else where
    if unit is None:
        edited[:, rows] = 0
    else:
        edited[:, rows, unit] = 0
    return edited
