"""The exact effect of taking a part away, and how well estimates of it rank.

An attribution says what a part wrote, a gradient what taking it away would do were the model
linear. What it does is found by doing it: one run per edit, on top of whatever is in force, as rows
of as few batches as the budget allows. The sign is that of an attribution: `metric with - metric
without`, what is lost.

In: a hooked model, a prompt, a metric, edits. Out: float64 `[edit]`, in the metric's unit, and
Spearman's rank correlation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mechwidget.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from mechwidget.analysis.metrics import Metric
    from mechwidget.models import HookedModel, Intervention
    from mechwidget.models.prompts import Prompt


def exact_effects(
    model: HookedModel,
    prompt: Prompt,
    metric: Metric,
    edits: Sequence[Intervention],
    interventions: Sequence[Intervention] = (),
    *,
    cancelled: Callable[[], bool] | None = None,
) -> npt.NDArray[np.float64]:
    """What the metric loses by each of some edits; nan where a run has no finite number.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        metric: what is measured.
        edits: each is added to the interventions by itself, such as `[Ablate(Head(1, 2)), …]`.
        interventions: what is in force with and without them.
        cancelled: asked before every block; True raises `CancelledError`.
    """
    found = np.full(len(edits), np.nan)
    groups = exact_groups(model, prompt, metric, edits, interventions)
    for group in groups:
        for at, value in zip(
            group,
            effects_of_group(
                model, prompt, metric, [edits[at] for at in group], interventions, cancelled
            ),
            strict=True,
        ):
            found[at] = value
    return found


def exact_groups(
    model: HookedModel,
    prompt: Prompt,
    metric: Metric,
    edits: Sequence[Intervention],
    interventions: Sequence[Intervention] = (),
) -> tuple[tuple[int, ...], ...]:
    """Which edits are worth running together, by their indices: for results in parts."""
    if not edits:
        return ()
    tokens = model.tokenize(prompt)
    position = metric.bind(model, len(tokens)).position
    return model.row_groups(tokens, [[*interventions, edit] for edit in edits], [position])


def effects_of_group(
    model: HookedModel,
    prompt: Prompt,
    metric: Metric,
    edits: Sequence[Intervention],
    interventions: Sequence[Intervention],
    cancelled: Callable[[], bool] | None,
) -> Iterator[float]:
    """What the metric loses by each of the edits, which are run together."""
    tokens = model.tokenize(prompt)
    bound = metric.bind(model, len(tokens))
    variants = [[*interventions, edit] for edit in edits]
    if interventions:
        variants.insert(0, [*interventions])  # with the same kernels as the others
    rows = model.run_rows(tokens, variants, positions=[bound.position], cancelled=cancelled)
    if cancelled is not None and cancelled():
        raise CancelledError("The measuring was cancelled.")
    values = [bound(row.logits[0, 0]) for row in rows]
    if interventions:
        before, *after = values
        return (before - value for value in after)
    return (bound(rows.baseline(k).logits[0, 0]) - value for k, value in enumerate(values))


def rank_correlation(
    one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]
) -> tuple[float, int]:
    """Spearman's rho of two series, ties at their mean rank, and over how many pairs it is.

    Pairs with a nan do not count; it is nan with fewer than three, or where one series is constant.
    """
    known = np.isfinite(one) & np.isfinite(other)
    n = int(known.sum())
    if n < 3:
        return float("nan"), n
    ranks = [_ranks(series[known]) for series in (one, other)]
    centred = [rank - rank.mean() for rank in ranks]
    size = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return (float(centred[0] @ centred[1]) / size if size > 0 else float("nan")), n


def _ranks(series: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from 1, equal values at the mean of theirs."""
    _, which, counts = np.unique(series, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[which], dtype=np.float64)
