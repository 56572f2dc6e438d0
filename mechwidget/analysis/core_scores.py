"""The scores that come with mechwidget, written as a plugin would write them.

In: `ScoreInputs`. Out: `ScoreMap`s; `CORE` is what `scores` registers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mechwidget.analysis.ablation_sweep import (
    ablation_effects,
    ablation_groups,
    sweep_components,
)
from mechwidget.analysis.activation_gradient import activation_gradient
from mechwidget.analysis.copying import copying_scores
from mechwidget.analysis.cutting import cut_to_fit
from mechwidget.analysis.direct_attribution import direct_attribution
from mechwidget.analysis.head_scores import head_scores
from mechwidget.analysis.map_score import MapScore, Need, ScoreInputs, ScoreMap, empty_map
from mechwidget.analysis.pattern_entropy import pattern_entropy
from mechwidget.errors import MechwidgetError
from mechwidget.interventions import Head
from mechwidget.models import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from mechwidget.models import HookedModel, Tokens

_PATTERN_BYTES = 2**26  # of patterns that one run reads


def effect(inputs: ScoreInputs) -> ScoreMap:
    """Zero each head and MLP in turn, in the run without interventions."""
    model, made = inputs.model, empty_map(inputs.model)
    tokens = _tokens(inputs)
    bound = None if inputs.metric is None else inputs.metric.bind(model, len(tokens))
    position = len(tokens) - 1 if bound is None else bound.position
    run = model.run(tokens, positions=[position], cancelled=inputs.cancelled)
    components = sweep_components(model)
    done = 0
    for group in ablation_groups(model, tokens, components, bound):
        for found in ablation_effects(
            model, tokens, group, run.logits[0, 0], bound, cancelled=inputs.cancelled
        ):
            part = found.component
            if isinstance(part, Head):
                made.heads[part.layer, part.head] = found.value
            else:
                made.mlp[part.layer] = found.value
        done += len(group)
        if inputs.progress is not None:
            inputs.progress(done, len(components), made)
    return made


def direct(inputs: ScoreInputs) -> ScoreMap:
    """Direct logit attribution."""
    if inputs.metric is None:
        raise MechwidgetError("Direct logit attribution needs a metric.")
    found = direct_attribution(
        inputs.model,
        _tokens(inputs),
        inputs.metric,
        inputs.interventions,
        cancelled=inputs.cancelled,
    )
    return ScoreMap(
        found.heads.astype(np.float32),
        found.attention.astype(np.float32),
        found.mlp.astype(np.float32),
        found.note,
    )


def act_grad(inputs: ScoreInputs) -> ScoreMap:
    """Activation times gradient."""
    return _first_order(replace(inputs, source=None))


def attribution_patching(inputs: ScoreInputs) -> ScoreMap:
    """The second prompt's activation minus this one's, times gradient."""
    return _first_order(inputs)


def _first_order(inputs: ScoreInputs) -> ScoreMap:
    if inputs.metric is None:
        raise MechwidgetError("A gradient needs a metric.")
    found = activation_gradient(
        inputs.model,
        _tokens(inputs),
        inputs.metric,
        inputs.interventions,
        source=inputs.source,
        cancelled=inputs.cancelled,
    )
    return ScoreMap(
        found.heads.sum(-1).astype(np.float32),
        found.attention.sum(-1).astype(np.float32),
        found.mlp.sum(-1).astype(np.float32),
    )


def copying(inputs: ScoreInputs) -> ScoreMap:
    """The eigenvalue score of each OV circuit."""
    made = empty_map(inputs.model)
    found = copying_scores(inputs.model, cancelled=inputs.cancelled)
    return ScoreMap(found.values, made.attention, made.mlp, _by_layer(found.reasons))


def entropy(inputs: ScoreInputs) -> ScoreMap:
    """The entropy of each pattern."""
    reason = "" if len(_tokens(inputs)) > 1 else "the prompt has only one token"
    made = empty_map(inputs.model, reason)
    for layer, pattern in _patterns(inputs):
        values = pattern_entropy(pattern)
        made.heads[layer, : len(values)] = values.numpy()
    return made


def _of_pattern(name: str) -> Callable[[ScoreInputs], ScoreMap]:
    def compute(inputs: ScoreInputs) -> ScoreMap:
        made, reason, tokens = empty_map(inputs.model), "", _tokens(inputs)
        for layer, pattern in _patterns(inputs):
            ids = _ids_of(inputs.model, tokens, layer)
            if not ids:
                reason = "what the model reads has no tokens that could be compared"
                continue
            score = head_scores(name, pattern, ids)
            made.heads[layer, : len(score.values)] = score.values.numpy()
            reason = score.reason
        return ScoreMap(made.heads, made.attention, made.mlp, reason)

    return compute


def _tokens(inputs: ScoreInputs) -> Tokens:
    if inputs.prompt is None:
        raise MechwidgetError("This score needs a prompt.")
    return inputs.model.tokenize(inputs.prompt)


def _patterns(inputs: ScoreInputs) -> Iterator[tuple[int, torch.Tensor]]:
    """Each layer's pattern `[head, query, key]`, as many layers per run as fit into memory."""
    model, tokens = inputs.model, _tokens(inputs)
    layers = [site.layer or 0 for site in model.sites if site.name == "pattern"]
    if not layers:
        raise MechwidgetError(f"{model.name} has no attention patterns.")
    most = max(block.attention.heads for block in model.ledger.blocks if block.attention)
    for group in cut_to_fit(layers, 4 * most * tokens.longest**2, _PATTERN_BYTES):
        read = model.run(
            tokens,
            inputs.interventions,
            [Site("pattern", layer) for layer in group],
            [-1],
            cancelled=inputs.cancelled,
        ).read
        for layer in group:
            if model.n_heads(layer):
                yield layer, read["pattern", layer][0]


def _ids_of(model: HookedModel, tokens: Tokens, layer: int) -> tuple[int, ...]:
    """The token ids of the stack that a layer belongs to; none of a picture or a sound."""
    part = tokens if model.stack_of(layer).main else tokens.encoder
    return () if part is None else part.ids


def _by_layer(reasons: tuple[str, ...]) -> str:
    """One sentence of the reasons of some layers."""
    said: dict[str, list[int]] = {}
    for layer, reason in enumerate(reasons):
        if reason:
            said.setdefault(reason, []).append(layer)
    return "; ".join(
        f"{reason} (layer{'s' * (len(layers) > 1)} {', '.join(map(str, layers))})"
        for reason, layers in said.items()
    )


def _needs(*needs: Need) -> frozenset[Need]:
    return frozenset(needs)


_SHARE = "mean share of attention that goes"

CORE: tuple[MapScore, ...] = (
    MapScore(
        "effect",
        "effect when ablated",
        "metric with the part zeroed - metric without; without a metric KL(baseline ‖ edited)",
        "unit of the metric",
        "diverging",
        None,
        _needs("prompt"),
        effect,
    ),
    MapScore(
        "direct_attribution",
        "direct logit attribution",
        "what the part's own write adds to the logit difference, final norm at its run's scale",
        "logits",
        "diverging",
        None,
        _needs("prompt", "metric"),
        direct,
    ),
    MapScore(
        "act_grad",
        "activation times gradient",
        "first-order estimate of metric with the part - metric with the part zeroed",
        "unit of the metric",
        "diverging",
        None,
        _needs("prompt", "metric", "gradients"),
        act_grad,
    ),
    MapScore(
        "attribution_patching",
        "attribution patching",
        "first-order estimate of metric with prompt B's activation in the part - metric without",
        "unit of the metric",
        "diverging",
        None,
        _needs("prompt", "metric", "second prompt", "gradients"),
        attribution_patching,
    ),
    *(
        MapScore(
            name, title, f"{_SHARE} {where}", "share", "sequential", (0, 1), _needs("pattern"),
            _of_pattern(name),
        )
        for name, title, where in (
            ("induction", "induction", "to the token after an earlier copy of the current one"),
            ("previous_token", "previous token", "to the token before"),
            ("duplicate_token", "duplicate token", "to earlier copies of the current token"),
            ("first_token", "attention to the first token", "to the first token"),
        )
    ),
    MapScore(
        "entropy",
        "pattern entropy",
        "mean entropy of the pattern's rows: 0 looks at one key, ln n at n keys alike",
        "nats",
        "sequential",
        None,
        _needs("pattern"),
        entropy,
    ),
    MapScore(
        "copying",
        "copying (OV eigenvalues)",
        "Σλ / Σ|λ| of the OV circuit from token to token: 1 copies, -1 suppresses",
        "",
        "diverging",
        (-1, 1),
        _needs("weights"),
        copying,
    ),
)  # fmt: skip
