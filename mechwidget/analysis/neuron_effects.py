"""What neurons write: their direct effect on a logit difference, and the tokens they speak for.

A neuron's write to the stream is its activation times its output direction, the row of the down
projection that belongs to it. With the final norm held at the scale that it has in the run, that
write adds a term of its own to every logit (the direct logit attribution of one neuron; Elhage et
al. 2021, "A Mathematical Framework for Transformer Circuits"; Geva et al. 2022, "Transformer
Feed-Forward Layers Build Predictions by Promoting Concepts in the Vocabulary Space"). What later
layers make of it is not in that number. Directions are found by calling the projection, not read.

In: a prompt, interventions, and a logit difference or a neuron. Out: `NeuronEffects`, in logits,
or `NeuronTokens`, in logits per unit of activation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.ending import (
    after_unembedding,
    called,
    norm_at,
    pulled_back,
    require_sums,
    rounding,
    unembedding,
)
from mechwidget.analysis.metrics import LogitDiff
from mechwidget.analysis.neurons import layer_groups
from mechwidget.errors import MechwidgetError, UnsupportedModelError
from mechwidget.models import Site
from mechwidget.models.hooks import submodule
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    from torch import nn

    from mechwidget.analysis.frozen_norm import FrozenNorm
    from mechwidget.analysis.metrics import Metric
    from mechwidget.interventions import Neuron
    from mechwidget.models import HookedModel, Intervention, Run
    from mechwidget.models.ledger import Write
    from mechwidget.models.prompts import Prompt


@dataclass(frozen=True, slots=True, eq=False)
class NeuronEffects:
    """What each neuron adds to a logit difference, in logits.

    Attributes:
        position: where the difference is read; a neuron's activation there is what counts.
        values: per layer float32 `[neuron]`; layers whose neurons cannot be told apart in what is
            written are missing.
        note: why terms do not add up to the metric, where the model caps its logits; else empty.
    """

    position: int
    values: Mapping[int, npt.NDArray[np.float32]]
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class NeuronTokens:
    """The tokens that a neuron's output direction speaks for and against.

    In logits per unit of activation at `position`, the final norm held at the scale that it has
    there; biases are left out.

    Attributes:
        promoted: token ids, those that gain most first; `gains`: float32, what each gains.
        suppressed: token ids, those that lose most first; `losses`: float32, negative as a rule.
        note: as in `NeuronEffects`.
    """

    position: int
    promoted: tuple[int, ...]
    gains: npt.NDArray[np.float32]
    suppressed: tuple[int, ...]
    losses: npt.NDArray[np.float32]
    note: str


def neuron_effects(
    model: HookedModel,
    prompt: Prompt,
    metric: Metric,
    interventions: Sequence[Intervention] = (),
    *,
    cancelled: Callable[[], bool] | None = None,
) -> NeuronEffects:
    """The direct effect of every neuron on a `LogitDiff`, with the interventions in place.

    Raises:
        MechwidgetError: the metric is not a logit difference.
        UnsupportedModelError: the stream is not a sum of writes, or its end is not a norm and an
            unembedding; the message says which.
        CancelledError: `cancelled()` became true.
    """
    tokens = model.tokenize(prompt)
    if not isinstance(metric, LogitDiff):
        raise MechwidgetError(
            "Only a logit difference is a sum of direct effects.",
            "Measure one token against another: mw.LogitDiff(answer, alternative).",
        )
    bound = metric.bind(model, len(tokens))
    require_sums(model)
    layers = [layer for layer in answering_layers(model) if model.n_neurons(layer)]
    values: dict[int, npt.NDArray[np.float32]] = {}
    note = ""
    for group in layer_groups(model, layers, len(tokens)):
        sites = [Site(name, layer) for layer in group for name in ("mlp_post", "mlp_out")]
        ending = Ending.of(model, tokens, interventions, sites, bound.position, cancelled)
        direction, note = ending.against(*bound.tokens), ending.note
        for layer in group:
            found = ending.effects(layer, direction)
            if found is not None:
                values[layer] = found.float().cpu().numpy()
    return NeuronEffects(bound.position, values, note)


def neuron_tokens(
    model: HookedModel,
    prompt: Prompt,
    neuron: Neuron,
    interventions: Sequence[Intervention] = (),
    *,
    position: int = -1,
    k: int = 8,
    cancelled: Callable[[], bool] | None = None,
) -> NeuronTokens:
    """The tokens whose logits a neuron raises and lowers most, directly.

    Raises:
        UnsupportedModelError: the neuron has no direct way to the logits; the message says why.
        CancelledError: `cancelled()` became true.
    """
    neuron.check(model)
    tokens = model.tokenize(prompt)
    require_sums(model)
    if neuron.layer not in answering_layers(model):
        raise UnsupportedModelError(
            f"{neuron} is in a stack that does not answer: it has no direct way to the logits.",
        )
    at = range(len(tokens))[position]
    site = Site("mlp_post", neuron.layer)
    ending = Ending.of(model, tokens, interventions, [site], at, cancelled)
    said = ending.says(neuron.layer, neuron.index)
    n = min(k, len(said))
    gained, lost = said.topk(n), said.topk(n, largest=False)
    return NeuronTokens(
        at,
        tuple(gained.indices.tolist()),
        gained.values.numpy(),
        tuple(lost.indices.tolist()),
        lost.values.numpy(),
        ending.note,
    )


class Ending:
    """The last steps of one run at one position, as a linear map, and what MLPs wrote there."""

    def __init__(self, model: HookedModel, run: Run, position: int) -> None:
        self._model, self._twin = model, make_twin(model.model)
        self._held = {site: run.read[site][0, position] for site in run.read}
        self._stream = self._held[_last(model)]
        self._dtype = run.logits.dtype
        self._norm = norm_at(self._twin, model.ledger.final_norm, self._stream)
        self._unembed = unembedding(model, self._twin)
        self._normed = (self._norm.forward(self._stream.float()) + self._norm.bias).to(
            self._stream.dtype
        )
        with torch.no_grad():
            raw = called(self._unembed, self._normed)
        self._factor, self.note = after_unembedding(model, raw, run.logits[0, 0])

    @classmethod
    def of(
        cls,
        model: HookedModel,
        prompt: Prompt,
        interventions: Sequence[Intervention],
        sites: Sequence[Site],
        position: int,
        cancelled: Callable[[], bool] | None,
    ) -> Ending:
        """Of a run with these sites read as well."""
        read = [*sites, _last(model)]
        run = model.run(prompt, interventions, read, [position], cancelled=cancelled)
        with model.lock:
            return cls(model, run, position)

    def against(self, a: int, b: int) -> torch.Tensor:
        """The direction in the stream that says `a` and not `b`."""
        towards = torch.zeros(self._model.vocab_size, device=self._stream.device)
        towards[a], towards[b] = 1, -1
        _, pull = pulled_back(self._unembed, self._normed, towards)
        return self._norm.back(pull.float()) * self._factor

    def effects(self, layer: int, direction: torch.Tensor) -> torch.Tensor | None:
        """`[neuron]`; None where the neurons, projected, are not what was written."""
        write, down = self._down(layer)
        x, written = self._held[Site("mlp_post", layer)], self._held[Site("mlp_out", layer)]
        with torch.no_grad():
            projected = called(down, x)
        norm = self._post_norm(write, projected)
        made = (norm.forward(projected.float()) + norm.bias) * write.factor
        room = rounding(self._dtype) * (1e-6 + float(written.abs().max()))
        if made.shape != written.shape or float((made - written.float()).abs().max()) > room:
            return None
        towards = norm.back(direction.to(made.device)) * write.factor
        _, pull = pulled_back(down, x, towards)
        return x.float() * pull.float()

    def says(self, layer: int, index: int) -> torch.Tensor:
        """What one unit of a neuron adds to each logit, `[vocab]` on the CPU."""
        write, down = self._down(layer)
        x = self._held[Site("mlp_post", layer)]
        unit = torch.zeros_like(x)
        unit[index] = 1
        with torch.no_grad():
            moved = called(down, unit).float() - called(down, torch.zeros_like(x)).float()
            norm = self._post_norm(write, called(down, x))
            wrote = norm.forward(moved) * write.factor
            there = self._norm.forward(wrote.to(self._norm.gain.device)).to(self._normed.dtype)
            nothing = called(self._unembed, torch.zeros_like(there)).float()
            return ((called(self._unembed, there).float() - nothing) * self._factor).cpu()

    def _down(self, layer: int) -> tuple[Write, nn.Module]:
        write = self._model.ledger.blocks[layer].write("mlp")
        if write is None or write.projection is None:
            raise UnsupportedModelError(f"Layer {layer} has no neurons of its own.")
        return write, submodule(self._twin, write.projection.module)

    def _post_norm(self, write: Write, projected: torch.Tensor) -> FrozenNorm:
        return norm_at(self._twin, write.at if write.post_norm else None, projected)


def _last(model: HookedModel) -> Site:
    return Site("resid_post", answering_layers(model)[-1])
