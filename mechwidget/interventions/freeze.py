"""Freezing: keep something as it was in the baseline, whatever the other interventions do.

The run's own prompt is run once without interventions, and what it held is put back:

- "pattern": the attention pattern of every layer that has one (or of the layers named), after the
  softmax. Values still change, so an edit upstream acts through what is moved and no longer
  through where attention looks.
- a component: its activation, as `Patch` from the same prompt would.

In a generation it holds over the prompt: the baseline has no run over tokens that the edited model
generated.

It wins over edits of the same site that are listed before it; those listed after it win over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError
from mechwidget.interventions.component import Component
from mechwidget.interventions.components import MLP, Attention, Head, Neuron, Residual
from mechwidget.interventions.fields import short, token_positions
from mechwidget.interventions.intervention import Intervention, require_component
from mechwidget.models.edit import Edit
from mechwidget.models.sites import Site, missing_site

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.models.hooked_model import HookedModel

PATTERN = "pattern"


@dataclass(frozen=True, slots=True)
class Freeze(Intervention):
    """Keep `component` as in the baseline, e.g. `mw.Freeze("pattern")`.

    Attributes:
        component: "pattern", or a `Head`, `Attention`, `MLP`, `Neuron` or `Residual`.
        layers: whose patterns; None is all of them. Only with "pattern".
    """

    kind = "freeze"
    component: Component | str
    layers: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.component, str):
            if self.component != PATTERN:
                raise InterventionError(
                    f"Freeze was given {short(self.component)}; expected 'pattern' or a component."
                )
        else:
            require_component(self.component, "Freeze", (Head, Attention, MLP, Neuron, Residual))
        layers = token_positions(self.layers, "layers")
        if layers is not None and (self.component != PATTERN or layers[0] < 0):
            raise InterventionError(
                f"layers is {short(self.layers)}; expected layers from 0, with 'pattern' only."
            )
        object.__setattr__(self, "layers", layers)

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        if isinstance(self.component, Component):
            return f"Freeze {self.component}"
        if self.layers is None:
            return "Freeze every pattern"
        plural = "s" if len(self.layers) > 1 else ""
        return f"Freeze the pattern{plural} of layer{plural} {', '.join(map(str, self.layers))}"

    @property
    def prompt_only(self) -> bool:
        """The baseline has nothing to keep where it would have generated other tokens."""
        return True

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """One edit per site that is frozen, with the baseline as its source."""
        idle = "nothing had changed it"
        if isinstance(self.component, Component):
            self.component.check(model)
            apply = partial(_kept, self.component.within(n_positions))
            return (Edit(self.component.site, apply, sources=(None,), idle=idle),)
        have = [site for site in model.sites if site.name == PATTERN]
        wanted = have if self.layers is None else [Site(PATTERN, n) for n in self.layers]
        lacking = next((site for site in wanted if site not in have), None)
        if lacking is not None or not wanted:
            raise missing_site(lacking or Site(PATTERN), model.sites)
        keep = partial(_kept, (slice(None),))
        return [Edit(site, keep, sources=(None,), idle=idle) for site in wanted]


def _kept(where: tuple[Any, ...], tensor: torch.Tensor, baseline: torch.Tensor) -> torch.Tensor:
    edited = tensor.clone()
    edited[where] = baseline[where].to(tensor.device)
    return edited
