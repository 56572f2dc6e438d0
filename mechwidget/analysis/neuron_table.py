"""The neurons that a person wants to see first: of each layer the top by what is asked.

By the size of the activation at one position or anywhere, by how much the edits changed it, or by
the direct effect on the metric; and how the activations of named ones go along the tokens, before
and after the edits.

In: a prompt, interventions and a choice. Out: `NeuronRanking`, arrays `[layer, k]`; activations
`[neuron, pos]`; and in words what a neuron of this model is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.metrics import LogitDiff
from mechwidget.analysis.neuron_effects import NeuronEffects, neuron_effects
from mechwidget.analysis.neurons import (
    activations_before_and_after,
    changed_neurons,
    largest_neurons,
)
from mechwidget.errors import CancelledError, ComponentError, MechwidgetError
from mechwidget.models.hooks import submodule
from mechwidget.models.leaves import is_linear

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.analysis.metrics import Metric
    from mechwidget.interventions import Neuron
    from mechwidget.models import HookedModel, Intervention
    from mechwidget.models.tokens import Tokens

Order = Literal["here", "anywhere", "change", "effect"]
ORDERS: tuple[Order, ...] = get_args(Order)


@dataclass(frozen=True, slots=True, eq=False)
class NeuronRanking:
    """The top neurons of each layer, and why other layers have none.

    Attributes:
        layers: what each row is.
        totals: how many neurons each of these layers has.
        index: int64 `[layer, k]`, -1 where there are fewer; `position`: int64, where each was
            looked at.
        before: float32 `[layer, k]`, the activation there without interventions; `after` with.
        effect_before: float32 `[layer, k]`, the direct effect on the metric without interventions;
            `effect` with them; nan where there is none.
        effect_position: the position that direct effects are about; None without them.
        reason: why there are no direct effects; empty where there are.
        note: what has to be known about them, mostly empty.
        without: the other layers, each with the reason why its neurons are not here.
        gated: whether the neurons are products of a gate; None where that cannot be told.
    """

    layers: tuple[int, ...]
    totals: tuple[int, ...]
    index: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]
    effect_before: npt.NDArray[np.float32]
    effect: npt.NDArray[np.float32]
    effect_position: int | None
    reason: str
    note: str
    without: tuple[tuple[int, str], ...]
    gated: bool | None


def rank_neurons(
    model: HookedModel,
    tokens: Tokens,
    order: Order,
    interventions: Sequence[Intervention] = (),
    *,
    metric: Metric | None = None,
    position: int | None = None,
    k: int = 16,
    cancelled: Callable[[], bool] | None = None,
) -> NeuronRanking:
    """The k neurons of each layer that stand out most.

    Args:
        model: whose.
        tokens: the prompt.
        order: "here" (|activation| at `position`), "anywhere" (its largest over all positions),
            "effect" (the size of the direct effect on the metric), each without the interventions,
            so that an edit does not reorder what is looked at; or "change" (|after - before| at
            `position`, or anywhere with None).
        interventions: what the run is edited by.
        metric: a `LogitDiff`, for direct effects; with anything else there are none.
        position: where to look; None is everywhere.
        k: how many of each layer.
        cancelled: asked before every block.

    Raises:
        ComponentError: no layer has neurons of its own; the message says what it has instead.
        MechwidgetError: "effect" is asked for and there are none; the message says why.
        CancelledError: `cancelled()` became true.
    """
    without = layers_without(model)
    if len(without) == model.n_layers:
        raise ComponentError(
            f"{model.name} has no neurons that have a name: {without[0][1]}.",
            "Heads, whole MLPs and layers can be edited." * (not model.n_experts(0)),
        )
    effects, reason = _effects(model, tokens, metric, interventions, cancelled)
    unedited = effects
    if interventions:
        unedited, _ = _effects(model, tokens, metric, (), cancelled)
    if order == "effect":
        if effects is None:
            raise MechwidgetError(f"There are no direct effects: {reason}")
        top, values = _by_effect(unedited or effects, k), None
    else:
        where = None if position is None or order == "anywhere" else [position]
        asked = _layers_with(model, where)
        without = (*without, *_elsewhere(model, asked))
        changed = order == "change"
        table = (changed_neurons if changed else largest_neurons)(
            model,
            tokens,
            interventions if changed else (),
            k=k,
            positions=where,
            layers=asked,
            cancelled=cancelled,
        )
        top = (table.layers, table.index, table.position)
        known = changed or not interventions
        values = (table.before, table.after) if known else None
    layers, index, at = top
    before, after = values or _at(model, tokens, interventions, top, cancelled)
    return NeuronRanking(
        layers,
        tuple(model.n_neurons(layer) for layer in layers),
        index,
        at,
        before,
        after,
        _picked(unedited, layers, index),
        _picked(effects, layers, index),
        None if effects is None else effects.position,
        reason,
        "" if effects is None else effects.note,
        without,
        is_gated(model, layers[0]),
    )


def layers_without(model: HookedModel) -> tuple[tuple[int, str], ...]:
    """The layers whose neurons have no name of their own, each with the reason."""
    return tuple(
        (layer, _why_none(model, layer))
        for layer in range(model.n_layers)
        if not model.n_neurons(layer)
    )


def neuron_strips(
    model: HookedModel,
    tokens: Tokens,
    neurons: Sequence[Neuron],
    interventions: Sequence[Intervention] = (),
    *,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Activations along the tokens without and with edits, each float32 `[neuron, pos]`.

    Both come from the same kernels, so that what no edit reaches is equal bit for bit. Of two
    stacks the longer one's positions; nan where a neuron's own has no more.
    """
    for neuron in neurons:
        neuron.check(model)
    shape = (len(neurons), tokens.longest)
    before, after = (np.full(shape, np.nan, dtype=np.float32) for _ in range(2))
    layers = sorted({neuron.layer for neuron in neurons})
    for layer, old, new in activations_before_and_after(
        model, tokens, interventions, layers, cancelled
    ):
        rows = [row for row, neuron in enumerate(neurons) if neuron.layer == layer]
        which = [neurons[row].index for row in rows]
        before[rows, : len(old)] = old[:, which].float().cpu().numpy().T
        after[rows, : len(new)] = new[:, which].float().cpu().numpy().T
    return before, after


def is_gated(model: HookedModel, layer: int) -> bool | None:
    """Whether a layer's neurons are products of a gate and a linear map; None: nobody can tell.

    The linear maps beside the down projection make as many numbers as there are neurons, or, of a
    gated MLP (Shazeer 2020, "GLU Variants Improve Transformer"), twice as many.
    """
    write = model.ledger.blocks[layer].write("mlp")
    if write is None or write.projection is None:
        return None
    home, _, own = write.projection.module.rpartition(".")
    children = submodule(model.model, home).named_children()
    beside = [child for name, child in children if name != own and is_linear(child)]
    widths = [_width(child) for child in beside]
    made = sum(width for width in widths if width % write.width == 0)
    return {write.width: False, 2 * write.width: True}.get(made)


def _width(linear: object) -> int:
    """How many numbers a linear map makes: `nf` is GPT-2's word for it."""
    return int(getattr(linear, "out_features", getattr(linear, "nf", 0)))


def _why_none(model: HookedModel, layer: int) -> str:
    if experts := model.n_experts(layer):
        return (
            f"the MLP of layer {layer} is {experts} experts, whose neurons are "
            f"ExpertNeuron({layer}, expert, index): the view of one neuron looks at them"
        )
    if model.has_mlp(layer):
        return f"no single down projection makes what the MLP of layer {layer} writes"
    return f"layer {layer} has no MLP that can be told apart"


def _layers_with(model: HookedModel, where: Sequence[int] | None) -> list[int]:
    """The layers with neurons and, where one position is meant, with that position."""
    layers = range(model.n_layers) if where is None else answering_layers(model)
    return [layer for layer in layers if model.n_neurons(layer)]


def _elsewhere(model: HookedModel, layers: Sequence[int]) -> tuple[tuple[int, str], ...]:
    """The layers with neurons that read other tokens than the one that is looked at."""
    having = [layer for layer in range(model.n_layers) if model.n_neurons(layer)]
    reason = "reads other tokens than the selected one"
    return tuple((layer, f"layer {layer} {reason}") for layer in having if layer not in layers)


_Top = tuple[tuple[int, ...], "npt.NDArray[np.int64]", "npt.NDArray[np.int64]"]


def _effects(
    model: HookedModel,
    tokens: Tokens,
    metric: Metric | None,
    interventions: Sequence[Intervention],
    cancelled: Callable[[], bool] | None,
) -> tuple[NeuronEffects | None, str]:
    """The direct effects, or why there are none."""
    if not isinstance(metric, LogitDiff):
        return None, "only a logit difference is a sum of direct effects."
    try:
        return neuron_effects(model, tokens, metric, interventions, cancelled=cancelled), ""
    except CancelledError:
        raise
    except MechwidgetError as error:
        return None, error.message


def _picked(
    effects: NeuronEffects | None, layers: Sequence[int], index: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    values = np.full(index.shape, np.nan, dtype=np.float32)
    for row, layer in enumerate(layers):
        if effects is not None and layer in effects.values:
            values[row] = effects.values[layer][index[row]]
    values[index < 0] = np.nan
    return values


def _by_effect(effects: NeuronEffects, k: int) -> _Top:
    layers = tuple(sorted(effects.values))
    shape = (len(layers), min(k, max((len(effects.values[layer]) for layer in layers), default=0)))
    index = np.full(shape, -1, dtype=np.int64)
    for row, layer in enumerate(layers):
        top = np.argsort(-np.abs(effects.values[layer]), kind="stable")[: shape[1]]
        index[row, : len(top)] = top
    return layers, index, np.where(index < 0, -1, effects.position)


def _at(
    model: HookedModel,
    tokens: Tokens,
    interventions: Sequence[Intervention],
    top: _Top,
    cancelled: Callable[[], bool] | None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The activations of these neurons at these positions, without and with the edits."""
    layers, index, position = top
    before, after = (np.full(index.shape, np.nan, dtype=np.float32) for _ in range(2))
    for layer, old, new in activations_before_and_after(
        model, tokens, interventions, layers, cancelled
    ):
        row = layers.index(layer)
        known = index[row] >= 0
        at = (position[row, known].tolist(), index[row, known].tolist())
        before[row, known] = old[at].float().cpu().numpy()
        after[row, known] = new[at].float().cpu().numpy()
    return before, after
