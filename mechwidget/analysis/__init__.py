"""Analysis: numbers read off runs, as plain functions that a script can use without a notebook.

In flow a hooked model, tokens, logits and attention patterns; out flow metrics, outcomes, scores
of heads and effects of ablations. Nothing here keeps state or knows a session.
"""

from __future__ import annotations

from mechwidget.analysis.ablation_sweep import (
    Effect,
    ablation_effect,
    ablation_effects,
    ablation_groups,
    ablation_sweep,
    effect_grid,
    sweep_components,
)
from mechwidget.analysis.head_scores import SCORES, HeadScore, head_scores
from mechwidget.analysis.metrics import (
    BoundMetric,
    LogitDiff,
    Metric,
    Probability,
    metric_from_json,
)
from mechwidget.analysis.outcome import Outcome, TokenChange, kl_nats, outcome

__all__ = [
    "SCORES",
    "BoundMetric",
    "Effect",
    "HeadScore",
    "LogitDiff",
    "Metric",
    "Outcome",
    "Probability",
    "TokenChange",
    "ablation_effect",
    "ablation_effects",
    "ablation_groups",
    "ablation_sweep",
    "effect_grid",
    "head_scores",
    "kl_nats",
    "metric_from_json",
    "outcome",
    "sweep_components",
]
