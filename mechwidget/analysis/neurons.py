"""Neurons: which of them speak loudest on a prompt, and which an edit changes most.

A neuron is one input of an MLP's down projection (`mlp_post`). A model has hundreds of thousands:
what is kept is the top of each layer, and whole rows only of those that are asked for by name.

In: a prompt and interventions. Out: `NeuronTable`, arrays `[layer, k]`, and activations along the
tokens, `[neuron, pos]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mechwidget.analysis.cutting import cut_to_fit
from mechwidget.errors import ComponentError, MechwidgetError
from mechwidget.models import Site
from mechwidget.models.prompts import from_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    import torch

    from mechwidget.interventions import Neuron
    from mechwidget.models import HookedModel, Intervention, Tokens
    from mechwidget.models.prompts import Prompt

_READ_BYTES = 2**29  # of activations that one run reads


@dataclass(frozen=True, slots=True, eq=False)
class NeuronTable:
    """The neurons of each layer that stand out, those that stand out most first.

    Attributes:
        layers: what each row is: the layers that have neurons.
        positions: the positions that were looked at; None is all of each layer.
        index: int64 `[layer, k]`, which neuron; -1 where a layer has fewer than k.
        position: int64 `[layer, k]`, where it stands out most.
        before: float32 `[layer, k]`, its activation there without interventions.
        after: float32 `[layer, k]`, its activation there with them.
    """

    layers: tuple[int, ...]
    positions: tuple[int, ...] | None
    index: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]


def largest_neurons(
    model: HookedModel,
    prompt: Prompt,
    interventions: Sequence[Intervention] = (),
    *,
    k: int = 20,
    positions: Sequence[int] | None = None,
    layers: Sequence[int] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> NeuronTable:
    """The neurons of each layer with the largest |activation|, with the interventions in place.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        interventions: what the run is edited by; `before` is the run without.
        k: how many of each layer.
        positions: where to look, in the stack that answers; None is everywhere.
        layers: which; None is all that have neurons.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        ComponentError: a layer without neurons of its own (experts), or none in the model.
    """
    return _table(model, prompt, interventions, (k, positions, layers), cancelled, changed=False)


def changed_neurons(
    model: HookedModel,
    prompt: Prompt,
    interventions: Sequence[Intervention],
    *,
    k: int = 20,
    positions: Sequence[int] | None = None,
    layers: Sequence[int] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> NeuronTable:
    """The neurons of each layer with the largest |after - before|; arguments as above."""
    return _table(model, prompt, interventions, (k, positions, layers), cancelled, changed=True)


def neuron_activations(
    model: HookedModel,
    prompt: Prompt,
    neurons: Sequence[Neuron],
    interventions: Sequence[Intervention] = (),
    *,
    cancelled: Callable[[], bool] | None = None,
) -> npt.NDArray[np.float32]:
    """Activations along the tokens, float32 `[neuron, pos]`, in the order of `neurons`.

    Of two stacks the longer one's positions; nan where a neuron's own has no more.
    """
    tokens = model.tokenize(prompt)
    for neuron in neurons:
        neuron.check(model)
    found = np.full((len(neurons), tokens.longest), np.nan, dtype=np.float32)
    wanted = sorted({neuron.layer for neuron in neurons})
    for group in _groups(model, wanted, tokens.longest):
        sites = [Site("mlp_post", layer) for layer in group]
        read = model.run(tokens, interventions, sites, [-1], cancelled=cancelled).read
        for row, neuron in enumerate(neurons):
            if neuron.layer in group:
                along = read["mlp_post", neuron.layer][0, :, neuron.index]
                found[row, : len(along)] = along.float().cpu().numpy()
    return found


def _table(
    model: HookedModel,
    prompt: Prompt,
    interventions: Sequence[Intervention],
    choice: tuple[int, Sequence[int] | None, Sequence[int] | None],
    cancelled: Callable[[], bool] | None,
    *,
    changed: bool,
) -> NeuronTable:
    k, positions, layers = choice
    tokens = model.tokenize(prompt)
    chosen = None if positions is None else tuple(from_start(positions, len(tokens)))
    rows = _layers(model, layers)
    if k < 1:
        raise MechwidgetError(f"k is {k}; expected 1 or more.")
    shape = (len(rows), min(k, max(map(model.n_neurons, rows))))
    index, position = (np.full(shape, -1, dtype=np.int64) for _ in range(2))
    before, after = (np.full(shape, np.nan, dtype=np.float32) for _ in range(2))
    for layer, old, new in _activations(model, tokens, interventions, rows, cancelled):
        where = np.array(range(len(old)) if chosen is None else chosen)
        was, now = old[where].float(), new[where].float()  # [pos, neuron]
        size, at = ((now - was) if changed else now).abs().max(0)
        top = size.topk(min(shape[1], len(size))).indices
        spot, row, n = at[top], rows.index(layer), len(top)
        index[row, :n] = top.cpu().numpy()
        position[row, :n] = where[spot.cpu().numpy()]
        before[row, :n] = was[spot, top].cpu().numpy()
        after[row, :n] = now[spot, top].cpu().numpy()
    return NeuronTable(rows, chosen, index, position, before, after)


def _layers(model: HookedModel, layers: Sequence[int] | None) -> tuple[int, ...]:
    having = [layer for layer in range(model.n_layers) if model.n_neurons(layer)]
    if not having:
        raise ComponentError(f"{model.name} has no neurons of its own in any layer.")
    for layer in layers or ():
        if not model.n_neurons(layer):
            raise ComponentError(
                f"Layer {layer} has no neurons of its own.",
                f"These layers have: {', '.join(map(str, having))}.",
            )
    return tuple(having if layers is None else layers)


def _groups(model: HookedModel, layers: Sequence[int], n_positions: int) -> Iterator[Sequence[int]]:
    """Layers whose neurons fit into memory together."""
    widest = max(map(model.n_neurons, layers), default=1)
    return cut_to_fit(layers, 4 * widest * n_positions, _READ_BYTES)


def _activations(
    model: HookedModel,
    tokens: Tokens,
    interventions: Sequence[Intervention],
    layers: Sequence[int],
    cancelled: Callable[[], bool] | None,
) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """Per layer the activations `[pos, neuron]` without and with the interventions."""
    for group in _groups(model, layers, tokens.longest):
        sites = [Site("mlp_post", layer) for layer in group]
        if interventions:
            # As rows, so that both have the same attention function: another one rounds otherwise.
            rows = model.run_rows(tokens, [interventions], sites, [-1], cancelled=cancelled)
            old, new = rows.baseline(0).read, rows[0].read
        else:
            old = new = model.run(tokens, (), sites, [-1], cancelled=cancelled).read
        for layer in group:
            yield layer, old["mlp_post", layer][0], new["mlp_post", layer][0]
