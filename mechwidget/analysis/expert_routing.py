"""Which experts each token was sent to, and which of their neurons speak loudest there.

In a mixture of experts (Shazeer et al. 2017, "Outrageously Large Neural Networks") a router picks a
few experts for each token and weights what they write. A neuron of an expert exists only at tokens
that were sent to it.

In: a prompt and interventions. Out: `ExpertRouting`, arrays `[pos, slot]`; `ExpertNeurons`, the
neurons that stand out at one position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.ending import pulled_back, require_sums
from mechwidget.analysis.last_steps import LastSteps, last_stream
from mechwidget.analysis.metrics import Logit, LogitDiff
from mechwidget.errors import (
    CancelledError,
    ComponentError,
    MechwidgetError,
    UnsupportedModelError,
)
from mechwidget.interventions import ExpertNeuron
from mechwidget.models import Site
from mechwidget.models.experts import expert_output
from mechwidget.models.hooks import submodule
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.analysis.metrics import Metric
    from mechwidget.models import HookedModel, Intervention
    from mechwidget.models.prompts import Prompt
    from mechwidget.models.tokens import Tokens


@dataclass(frozen=True, slots=True, eq=False)
class ExpertRouting:
    """The choice of experts in one layer.

    Attributes:
        layer: which; `n_experts`: how many it has.
        experts: int64 `[pos, slot]`, the experts that each token went to, as the router lists them.
        weights: float32 `[pos, slot]`, what each expert's write was multiplied by.
    """

    layer: int
    n_experts: int
    experts: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]

    @property
    def load(self) -> npt.NDArray[np.int64]:
        """How many tokens went to each expert, `[expert]`."""
        inside = (self.experts >= 0) & (self.experts < self.n_experts)
        return np.bincount(self.experts[inside], minlength=self.n_experts)


@dataclass(frozen=True, slots=True, eq=False)
class ExpertNeurons:
    """Neurons of experts that stand out at one position, those that do most first.

    Attributes:
        neurons: which, over all layers.
        activation: float32 `[k]`, at the position; `weight`: float32, the router's, of its expert.
        effect: float32 `[k]`, the direct effect on the metric in logits; nan where there is none.
        reason: why there are no direct effects; the neurons are then ranked by |activation|.
    """

    position: int
    neurons: tuple[ExpertNeuron, ...]
    activation: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    effect: npt.NDArray[np.float32]
    reason: str


def expert_routing(
    model: HookedModel,
    prompt: Prompt,
    interventions: Sequence[Intervention] = (),
    *,
    layers: Sequence[int] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[ExpertRouting, ...]:
    """The experts that each token of a prompt went to, per layer.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        interventions: what the run is edited by.
        layers: which; None is all that have experts.
        cancelled: asked before every block.

    Raises:
        ComponentError: a layer without experts that can be told apart, or none in the model.
    """
    wanted = [layer for layer in range(model.n_layers) if model.n_experts(layer)]
    if layers is not None:
        wanted = list(layers)
    for layer in wanted:
        ExpertNeuron(layer, 0, 0).check(model)
    if not wanted:
        raise ComponentError(f"{model.name} has no experts that can be told apart.")
    sites = [Site(name, layer) for layer in wanted for name in ("experts", "expert_weights")]
    read = model.run(prompt, interventions, sites, [-1], cancelled=cancelled).read
    return tuple(
        ExpertRouting(
            layer,
            model.n_experts(layer),
            read["experts", layer][0].cpu().numpy().astype(np.int64),
            read["expert_weights", layer][0].float().cpu().numpy(),
        )
        for layer in wanted
    )


def rank_expert_neurons(
    model: HookedModel,
    tokens: Tokens,
    metric: Metric | None = None,
    interventions: Sequence[Intervention] = (),
    *,
    position: int = -1,
    k: int = 8,
    cancelled: Callable[[], bool] | None = None,
) -> ExpertNeurons:
    """The neurons of experts that write most to a logit difference, or that are most active.

    Args:
        model: whose.
        tokens: the prompt.
        metric: a `LogitDiff`, for direct effects, at its own position; anything else: none.
        interventions: what the run is edited by.
        position: where to look where there are no direct effects.
        k: how many.
        cancelled: asked before every block.

    Raises:
        ComponentError: the model has no experts that can be told apart.
    """
    layers = [layer for layer in answering_layers(model) if model.n_experts(layer)]
    if not layers:
        raise ComponentError(f"{model.name} has no experts that can be told apart.")
    effects, reason = None, "only a logit difference is a sum of direct effects."
    at = range(len(tokens))[position]
    if isinstance(metric, LogitDiff | Logit):
        at = metric.bind(model, len(tokens)).position
        try:
            effects = _Effects(model, tokens, metric, interventions, layers, cancelled)
            reason = ""
        except CancelledError:
            raise
        except MechwidgetError as error:
            reason = error.message
    found = [
        one
        for layer in layers
        for one in _at(model, tokens, interventions, layer, at, effects, k, cancelled)
    ]
    found.sort(key=lambda one: -abs(one[1] if effects is None else one[3]))
    kept = found[:k]
    activation, weight, effect = (
        np.array([one[column] for one in kept], dtype=np.float32) for column in (1, 2, 3)
    )
    neurons = tuple(one[0] for one in kept)
    return ExpertNeurons(at, neurons, activation, weight, effect, reason)


class _Effects:
    """What the neurons of experts add to a logit difference, directly, in one run."""

    def __init__(
        self,
        model: HookedModel,
        tokens: Tokens,
        metric: LogitDiff | Logit,
        interventions: Sequence[Intervention],
        layers: Sequence[int],
        cancelled: Callable[[], bool] | None,
    ) -> None:
        require_sums(model)
        self._model, self._twin = model, make_twin(model.model)
        bound = metric.bind(model, len(tokens))
        at = bound.position
        run = model.run(tokens, interventions, [last_stream(model)], [at], cancelled=cancelled)
        with model.lock:
            self._direction = LastSteps(model, run, at).toward(bound.tokens).direction
        for layer in layers:
            write = model.ledger.blocks[layer].write("mlp")
            if write is not None and write.post_norm:
                raise UnsupportedModelError("what the experts write passes a norm together.")

    def of(self, layer: int, expert: int, x: torch.Tensor) -> torch.Tensor:
        """Logits per unit of router weight of each neuron of an expert, `[neuron]`."""
        block = self._model.ledger.blocks[layer]
        own: Any = submodule(self._twin, block.experts.place.module if block.experts else "")
        if own.has_post_expert_norm:
            raise UnsupportedModelError("what an expert writes passes a norm of its own.")

        class Down(torch.nn.Module):
            def forward(self, rows: torch.Tensor) -> torch.Tensor:
                return expert_output(own, expert, rows.reshape(-1, rows.shape[-1]))[None]

        write = block.write("mlp")
        factor = 1.0 if write is None else write.factor
        towards = self._direction.to(x.device) * factor
        _, pull = pulled_back(Down(), x, towards)
        return x.float() * pull.float()


def _at(
    model: HookedModel,
    tokens: Tokens,
    interventions: Sequence[Intervention],
    layer: int,
    position: int,
    effects: _Effects | None,
    k: int,
    cancelled: Callable[[], bool] | None,
) -> list[tuple[ExpertNeuron, float, float, float]]:
    """The first k of one layer: `(neuron, activation, router weight, effect)`."""
    names = ("experts", "expert_weights", "expert_post")
    sites = [Site(name, layer) for name in names]
    read = model.run(
        tokens, interventions, sites, [-1], read_positions=[position], cancelled=cancelled
    ).read
    choice, weights, post = (read[name, layer][0, 0] for name in names)
    found = []
    for expert, weight in zip(choice.tolist(), weights.float().tolist(), strict=True):
        if not 0 <= expert < model.n_experts(layer):
            continue
        x = post[expert]
        with model.lock:
            said = None if effects is None else effects.of(layer, expert, x) * weight
        size = x.float().abs() if said is None else said.abs()
        for index in size.topk(min(k, len(size))).indices.tolist():
            effect = float("nan") if said is None else float(said[index])
            found.append((ExpertNeuron(layer, expert, index), float(x[index]), weight, effect))
    return found
