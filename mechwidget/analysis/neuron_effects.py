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
from mechwidget.analysis.direct_attribution import require_logits
from mechwidget.analysis.ending import require_sums
from mechwidget.analysis.last_steps import LastSteps, last_stream
from mechwidget.analysis.neurons import layer_groups
from mechwidget.errors import UnsupportedModelError
from mechwidget.models import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from mechwidget.analysis.metrics import Metric
    from mechwidget.interventions import Neuron
    from mechwidget.models import HookedModel, Intervention
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
    layers: Sequence[int] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> NeuronEffects:
    """The direct effect of every neuron on a `LogitDiff` or `Logit`, under the interventions.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        metric: its position is where neurons are looked at.
        interventions: what the run is edited by.
        layers: which; None is all whose neurons can be told apart.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        MechwidgetError: the metric is neither a logit difference nor a logit.
        UnsupportedModelError: the stream is not a sum of writes, or its end is not a norm and an
            unembedding; the message says which.
        CancelledError: `cancelled()` became true.
    """
    tokens = model.tokenize(prompt)
    bound = require_logits(metric).bind(model, len(tokens))
    require_sums(model)
    having = [layer for layer in answering_layers(model) if model.n_neurons(layer)]
    layers = [layer for layer in having if layers is None or layer in layers]
    values: dict[int, npt.NDArray[np.float32]] = {}
    note = ""
    for group in layer_groups(model, layers, len(tokens)):
        sites = [Site(name, layer) for layer in group for name in ("mlp_post", "mlp_out")]
        steps = _last_steps(model, tokens, interventions, sites, bound.position, cancelled)
        with model.lock:
            direction, note = steps.toward(bound.tokens).direction, steps.note
            for layer in group:
                found = _of_layer(model, steps, layer, direction)
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
    write = model.ledger.blocks[neuron.layer].write("mlp")
    if write is None or write.projection is None:
        raise UnsupportedModelError(f"Layer {neuron.layer} has no neurons of its own.")
    at = range(len(tokens))[position]
    site = Site("mlp_post", neuron.layer)
    steps = _last_steps(model, tokens, interventions, [site], at, cancelled)
    unit = torch.zeros_like(steps.held[site])
    unit[neuron.index] = 1
    with model.lock:
        said = steps.logits_of(write, steps.held[site], unit)
    n = min(k, len(said))
    gained, lost = said.topk(n), said.topk(n, largest=False)
    return NeuronTokens(
        at,
        tuple(gained.indices.tolist()),
        gained.values.numpy(),
        tuple(lost.indices.tolist()),
        lost.values.numpy(),
        steps.note,
    )


def _last_steps(
    model: HookedModel,
    prompt: Prompt,
    interventions: Sequence[Intervention],
    sites: Sequence[Site],
    position: int,
    cancelled: Callable[[], bool] | None,
) -> LastSteps:
    """The last steps of a run with these sites read as well."""
    read = [*sites, last_stream(model)]
    run = model.run(prompt, interventions, read, [position], cancelled=cancelled)
    with model.lock:
        return LastSteps(model, run, position)


def _of_layer(
    model: HookedModel, steps: LastSteps, layer: int, direction: torch.Tensor
) -> torch.Tensor | None:
    """`[neuron]`; None where the neurons, projected, are not what was written."""
    x, written = steps.held[Site("mlp_post", layer)], steps.held[Site("mlp_out", layer)]
    return steps.terms(model.ledger.blocks[layer].write("mlp"), x, written, direction)
