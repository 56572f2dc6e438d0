"""The ablation sweep: every head and every MLP zeroed in turn, and what that did.

Whole attentions and layers too, where they are asked for; a layer without its effect is one that
is skipped (`SkipLayer`).

In flow a hooked model, a prompt and a metric; out flows one `Effect` after another, so that a
head map can fill while the sweep goes on. The effect is metric(edited) - metric(baseline); with no
metric it is KL(baseline ‖ edited) in nats at the last position. Components of a layer are ablated
as rows of one batch, each compared with the unedited row of its own batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mechwidget.analysis.outcome import kl_nats
from mechwidget.errors import CancelledError
from mechwidget.interventions import MLP, Ablate, Attention, Head, Layer, SkipLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt
    import torch

    from mechwidget.analysis.metrics import BoundMetric, Metric
    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel
    from mechwidget.models.tokens import Tokens


Swept = Head | MLP | Attention | Layer
WHOLES = (MLP, Attention, Layer)
"""The columns of a grid after the heads."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What zeroing one component did; nan where the edited run had no finite number."""

    component: Swept
    value: float


def sweep_components(model: HookedModel, *, wholes: bool = False) -> tuple[Swept, ...]:
    """Every head and every MLP that the model has, layer by layer.

    Args:
        model: whose.
        wholes: whether each whole attention and each whole layer comes with them.
    """
    components: list[Swept] = []
    for layer in range(model.n_layers):
        components += [Head(layer, head) for head in range(model.n_heads(layer))]
        if model.has_mlp(layer):
            components.append(MLP(layer))
        if wholes and model.has_attention(layer):
            components.append(Attention(layer))
        if wholes:
            components.append(Layer(layer))
    return tuple(components)


def _without(component: Swept) -> Intervention:
    return SkipLayer(component) if isinstance(component, Layer) else Ablate(component)


def ablation_effect(
    model: HookedModel,
    tokens: Tokens,
    component: Swept,
    baseline_logits: torch.Tensor,
    metric: BoundMetric | None = None,
    *,
    position: int | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Effect:
    """Zero one component in one run and compare with `baseline_logits[vocab]`.

    Without a metric, at `position` (the last by default).
    """
    position = _position(tokens, metric, position)
    run = model.run(tokens, [_without(component)], positions=[position], cancelled=cancelled)
    return _effect(component, baseline_logits, run.logits[0, 0], metric)


def ablation_groups(
    model: HookedModel,
    tokens: Tokens,
    components: Sequence[Swept],
    metric: BoundMetric | None = None,
    *,
    position: int | None = None,
) -> tuple[tuple[Swept, ...], ...]:
    """The components that are worth ablating together, in the order of their layers."""
    position = _position(tokens, metric, position)
    groups = model.row_groups(tokens, [[_without(each)] for each in components], [position])
    return tuple(tuple(components[index] for index in group) for group in groups)


def ablation_effects(
    model: HookedModel,
    tokens: Tokens,
    components: Sequence[Swept],
    baseline_logits: torch.Tensor,
    metric: BoundMetric | None = None,
    *,
    position: int | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Effect, ...]:
    """Zero each of some components, in as few batches as the budget allows.

    Rows are compared with row 0 of their batch, a single one with `baseline_logits[vocab]`.
    Without a metric, at `position` (the last by default).
    """
    position = _position(tokens, metric, position)
    if len(components) == 1:
        effect = ablation_effect(
            model,
            tokens,
            components[0],
            baseline_logits,
            metric,
            position=position,
            cancelled=cancelled,
        )
        return (effect,)
    variants = [[_without(component)] for component in components]
    rows = model.run_rows(tokens, variants, positions=[position], cancelled=cancelled)
    return tuple(
        _effect(component, rows.baseline(k).logits[0, 0], rows[k].logits[0, 0], metric)
        for k, component in enumerate(components)
    )


def ablation_sweep(
    model: HookedModel,
    prompt: str | Sequence[int],
    metric: Metric | None = None,
    *,
    components: Iterable[Swept] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Effect]:
    """Zero each component (every head and MLP by default) and yield each effect as it is known.

    Raises:
        CancelledError: `cancelled()` became true; what was yielded before stays valid.
    """
    tokens = model.tokenize(prompt)
    bound = None if metric is None else metric.bind(model, len(tokens))
    position = len(tokens) - 1 if bound is None else bound.position
    baseline = model.run(tokens, positions=[position], cancelled=cancelled).logits[0, 0]
    wanted = tuple(sweep_components(model) if components is None else components)
    for group in ablation_groups(model, tokens, wanted, bound):
        for effect in ablation_effects(model, tokens, group, baseline, bound, cancelled=cancelled):
            if cancelled is not None and cancelled():
                raise CancelledError("The sweep was cancelled.")
            yield effect


def _position(tokens: Tokens, metric: BoundMetric | None, position: int | None) -> int:
    if metric is not None:
        return metric.position
    return len(tokens) - 1 if position is None else position


def _effect(
    component: Swept,
    baseline: torch.Tensor,
    edited: torch.Tensor,
    metric: BoundMetric | None,
) -> Effect:
    value = kl_nats(baseline, edited) if metric is None else metric(edited) - metric(baseline)
    return Effect(component, value if math.isfinite(value) else math.nan)


def effect_grid(model: HookedModel, effects: Iterable[Effect]) -> npt.NDArray[np.float32]:
    """Effects as float32 `[layer, head …, MLP, attention, layer]`; nan is "not known"."""
    heads = max((model.n_heads(layer) for layer in range(model.n_layers)), default=0)
    grid = np.full((model.n_layers, heads + len(WHOLES)), np.nan, dtype=np.float32)
    for effect in effects:
        part = effect.component
        column = part.head if isinstance(part, Head) else heads + WHOLES.index(type(part))
        grid[part.layer, column] = effect.value
    return grid
