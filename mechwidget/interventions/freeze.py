"""Freezing: keep something as it was in the baseline, whatever the other interventions do.

The run's own prompt is run once without interventions, and what it held is put back:

- "pattern": the attention patterns of every layer (or of the layers named), after the softmax, also
  those over another stack's positions. Values still change, so an edit upstream acts through what
  is moved and no longer through where attention looks.
- "norm": the divisor of every norm over the stream (of the layers named, or of all of them and the
  final one), and "final_norm": that of the norm before the unembedding alone. A norm gives
  b + g · c(x) / s, with c(x) = x, or x less its mean in a LayerNorm. What is kept is s at each
  position, the root of the mean square (and epsilon); the mean, the gain g and the bias b are not
  touched, so that the norm is linear in what passes it, as direct effects need it. Norms over
  single heads (of queries and keys) or over neurons are left alone.
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
from mechwidget.interventions.components import SITED
from mechwidget.interventions.fields import short, token_positions
from mechwidget.interventions.intervention import Intervention, require_component
from mechwidget.models.edit import Edit
from mechwidget.models.sites import FINAL_NORM_SCALE, NORM_SCALES, Site, crossing, missing_site

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.models.hooked_model import HookedModel

PATTERN, NORM, FINAL_NORM = "pattern", "norm", "final_norm"
FROZEN = {PATTERN: "pattern", NORM: "norm divisor", FINAL_NORM: "final norm's divisor"}


@dataclass(frozen=True, slots=True)
class Freeze(Intervention):
    """Keep `component` as in the baseline, e.g. `mw.Freeze("pattern")`.

    Attributes:
        component: "pattern", "norm", "final_norm", or a `Head`, `Attention`, `MLP`, `Neuron`,
            `ExpertNeuron`, `Feature` or `Residual`.
        layers: whose patterns or norms; None is all of them. Only with "pattern" and "norm".
    """

    kind = "freeze"
    component: Component | str
    layers: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.component, str):
            if self.component not in FROZEN:
                raise InterventionError(
                    f"Freeze was given {short(self.component)}; expected "
                    f"{', '.join(map(repr, FROZEN))} or a component."
                )
        else:
            require_component(self.component, "Freeze", SITED)
        layers = token_positions(self.layers, "layers")
        if layers is not None and (self.component not in (PATTERN, NORM) or layers[0] < 0):
            raise InterventionError(
                f"layers is {short(self.layers)}; expected layers from 0, with 'pattern' or "
                "'norm' only."
            )
        object.__setattr__(self, "layers", layers)

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        if isinstance(self.component, Component):
            return f"Freeze {self.component}"
        what = FROZEN[self.component]
        if self.component == FINAL_NORM:
            return f"Freeze the {what}"
        if self.layers is None:
            return f"Freeze every {what}"
        plural = "s" if len(self.layers) > 1 else ""
        what += "s" if self.component == NORM or plural else ""
        return f"Freeze the {what} of layer{plural} {', '.join(map(str, self.layers))}"

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
            site, absent = self.component.site, self.component.absent
            edit = Edit(site, apply, sources=(None,), idle=idle, absent=absent)
            return self.component.placed(edit)
        keep = partial(_kept, (slice(None),))
        return [Edit(site, keep, sources=(None,), idle=idle) for site in self._sites(model)]

    def _sites(self, model: HookedModel) -> list[Site]:
        """The sites of `model` that "pattern", "norm" or "final_norm" stands for."""
        if self.component == FINAL_NORM:
            names: tuple[str, ...] = (FINAL_NORM_SCALE,)
        elif self.component == NORM:
            final = (FINAL_NORM_SCALE,) if self.layers is None else ()
            names = (*NORM_SCALES, *final)
        else:
            names = (PATTERN, crossing(PATTERN, cross=True))
        have = [site for site in model.sites if site.name in names]
        if self.layers is None:
            if not have:
                raise missing_site(Site(names[0]), model.sites)
            return have
        for layer in self.layers:
            if not any(site.layer == layer for site in have):
                raise missing_site(Site(names[0], layer), model.sites)
        return [site for site in have if site.layer in self.layers]


def _kept(where: tuple[Any, ...], tensor: torch.Tensor, baseline: torch.Tensor) -> torch.Tensor:
    edited = tensor.clone()
    edited[where] = baseline[where].to(tensor.device)
    return edited
