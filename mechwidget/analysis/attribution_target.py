"""What attributions are for: a logit difference, or one logit where there is none.

Attributions are sums, and only logits are. In place of a probability stands its token's logit; with
no metric it is the likeliest token's, of the run without interventions, at the position asked for.

In: a hooked model, a prompt, a metric or none. Out: `AttributionTarget`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.analysis.metrics import Logit, LogitDiff, Probability
from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.analysis.metrics import Metric
    from mechwidget.models import HookedModel
    from mechwidget.models.prompts import Prompt


@dataclass(frozen=True, slots=True)
class AttributionTarget:
    """What is attributed.

    Attributes:
        metric: the logit difference, or the logit.
        reason: why it is not the metric that was asked for; empty where it is.
    """

    metric: LogitDiff | Logit
    reason: str


def attribution_target(
    model: HookedModel,
    prompt: Prompt,
    metric: Metric | None = None,
    *,
    position: int = -1,
    cancelled: Callable[[], bool] | None = None,
) -> AttributionTarget:
    """The nearest thing to a metric that attributions can add up to.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        metric: what is measured; None is nothing.
        position: where the likeliest token is read when nothing is measured.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        MechwidgetError: a metric that is about no logit.
    """
    if isinstance(metric, LogitDiff | Logit):
        return AttributionTarget(metric, "")
    if isinstance(metric, Probability):
        return AttributionTarget(
            Logit(metric.token, metric.position),
            "a probability is no sum of what was written: its token's logit stands for it",
        )
    if metric is not None:
        raise MechwidgetError(
            f"{metric} is no logit and no difference of two, so nothing adds up to it.",
            "Measure mw.LogitDiff(answer, alternative).",
        )
    run = model.run(model.tokenize(prompt), positions=[position], cancelled=cancelled)
    top = int(run.logits[0, 0].argmax())
    place = run.positions[0]
    return AttributionTarget(
        Logit(top, place), "nothing is measured: the logit of the likeliest token"
    )
