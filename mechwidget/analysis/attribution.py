"""Attribution: what every part wrote to a logit or a logit difference, before edits and after.

Both runs are attributed by `direct_attribution`, each with its final norm held at its own scale,
and the first stream is taken apart into token and position where it is their sum. So a difference
between the two also holds what the edits did to that scale.

In: a hooked model, a prompt, a metric or none, interventions. Out: `Attribution`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.analysis.attribution_target import attribution_target
from mechwidget.analysis.direct_attribution import direct_attribution
from mechwidget.analysis.ending import require_sums
from mechwidget.analysis.token_and_position import token_and_position

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.analysis.attribution_target import AttributionTarget
    from mechwidget.analysis.direct_attribution import DirectAttribution
    from mechwidget.analysis.metrics import Metric
    from mechwidget.models import HookedModel, Intervention
    from mechwidget.models.prompts import Prompt


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """Direct attribution before and after some edits.

    Attributes:
        target: what is attributed, and why it is not the metric that was asked for.
        label: its name in words.
        position: where it is read.
        baseline: the terms without interventions.
        edited: the terms with them; None where there are none.
    """

    target: AttributionTarget
    label: str
    position: int
    baseline: DirectAttribution
    edited: DirectAttribution | None


def attribution(
    model: HookedModel,
    prompt: Prompt,
    metric: Metric | None = None,
    interventions: Sequence[Intervention] = (),
    *,
    position: int = -1,
    cancelled: Callable[[], bool] | None = None,
) -> Attribution:
    """What embeddings, heads, MLPs and biases wrote to a logit (difference).

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        metric: what is measured; see `attribution_target` for what stands for anything but a
            `LogitDiff` or a `Logit`.
        interventions: what the edited run is edited by.
        position: where the likeliest token is read when nothing is measured.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        UnsupportedModelError: the model is not additive; the message says where.
        MechwidgetError: a metric that is about no logit, or logits that are no finite numbers.
    """
    tokens = model.tokenize(prompt)
    target = attribution_target(model, tokens, metric, position=position, cancelled=cancelled)
    bound = target.metric.bind(model, len(tokens))
    require_sums(model)
    parts = token_and_position(model, tokens, bound.position, cancelled=cancelled)

    def terms(edits: Sequence[Intervention]) -> DirectAttribution:
        return direct_attribution(
            model, tokens, target.metric, edits, embedding=parts, cancelled=cancelled
        )

    edited = terms(interventions) if interventions else None
    return Attribution(target, bound.label, bound.position, terms(()), edited)
