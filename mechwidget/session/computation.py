"""The numbers of a state: the baseline, the edited run, and what lies between them.

In flows a checked state; out flow both runs, the outcome, and the metric before and after. Runs
that are still remembered are not repeated, so that undoing gives the same bits as before.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mechwidget.analysis import Outcome, outcome
from mechwidget.errors import MechwidgetError
from mechwidget.models.bindings import TAPPED
from mechwidget.models.run import ReadOut
from mechwidget.session.remembered import Remembered

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import torch

    from mechwidget.analysis import BoundMetric
    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel, Run, Site
    from mechwidget.session.state import State

Cancelled = Callable[[], bool]

_BYTES_OF_LOGITS = 128 * 2**20


class NotFiniteError(MechwidgetError, ArithmeticError):
    """A run that gave no numbers: NaN or infinite logits."""


@dataclass(frozen=True)
class Computed:
    """What a state gives.

    Attributes:
        baseline: the run with no interventions.
        result: the run under those that are switched on (the baseline itself if there are none).
        outcome: how the prediction at `position` changed.
        metric: its value before and after, or None without a metric.
        version: of the model, that both runs are of; None while nobody can say (see `Baselines`).
        milliseconds: how long it took, both runs included.
        ids: of the interventions that were on, in the order that `result.fired` counts them in.
    """

    baseline: Run
    result: Run
    outcome: Outcome
    metric: tuple[float, float] | None
    position: int
    version: int | None
    milliseconds: float
    ids: tuple[int, ...] = ()


class Computation:
    """Runs of one model, with a memory. Called on the worker's thread."""

    def __init__(self, model: HookedModel) -> None:
        self._model = model
        self._runs: Remembered[Run] = Remembered(model, _BYTES_OF_LOGITS)

    def compute(self, state: State, cancelled: Cancelled) -> Computed:
        """All the numbers of a state.

        Raises:
            NotFiniteError: a run gave NaN or infinite logits.
            CancelledError: `cancelled()` became true.
        """
        began = time.perf_counter()
        with self.as_it_is() as version:
            baseline = self.run(state, (), cancelled)
            result = self.run(state, state.active, cancelled)
            if result.attention != baseline.attention:
                # Two implementations of attention differ by rounding: compare within one.
                baseline = self.run(state, (), cancelled, explicit=_tapped(result))
        before, after = baseline.logits[0, 0], result.logits[0, 0]
        measure = state.bound
        changed = outcome(
            before, after, self._model, include=() if measure is None else measure.tokens
        )
        return Computed(
            baseline=baseline,
            result=result,
            outcome=changed,
            metric=None if measure is None else _finite(measure, before, after),
            position=state.position,
            version=version,
            milliseconds=(time.perf_counter() - began) * 1000,
            ids=state.active_ids,
        )

    def as_it_is(self) -> AbstractContextManager[int | None]:
        """The model as it is now, looked at once; see `Remembered.as_it_is`."""
        return self._runs.as_it_is()

    def run(
        self,
        state: State,
        interventions: Sequence[Intervention],
        cancelled: Cancelled,
        explicit: frozenset[Site] = frozenset(),
    ) -> Run:
        """One run of the state's prompt, its logits at the state's position only.

        Attention is computed explicitly at the sites in `explicit`. Ask within `as_it_is`.
        """
        key = (state.tokens, tuple(interventions), state.position, explicit)
        run = self._runs.get(key)
        if run is None:
            run = self._model.run(
                state.tokens,
                interventions,
                explicit,
                positions=[state.position],
                cancelled=cancelled,
            )
            run = replace(run, read=ReadOut({}))  # nobody asked for the numbers at those sites
            _require_finite(run, interventions, state.position)
            self._runs.keep(key, run, run.logits.nbytes)
        return run


def _tapped(run: Run) -> frozenset[Site]:
    """The sites of attention that a run's interventions changed."""
    return frozenset(fired.site for fired in run.fired if fired.site.name in TAPPED)


def _finite(measure: BoundMetric, before: torch.Tensor, after: torch.Tensor) -> tuple[float, float]:
    values = measure(before), measure(after)
    if not all(map(math.isfinite, values)):
        raise NotFiniteError(
            f"The {measure.label} is {values[0]} before and {values[1]} after.",
            "The model masks one of its tokens: measure another one.",
        )
    return values


def _require_finite(run: Run, interventions: Sequence[Intervention], position: int) -> None:
    # The largest is NaN if any is; -inf alone is how models mask tokens, and is fine.
    if math.isfinite(float(run.logits.max())):
        return
    edited = bool(interventions)
    raise NotFiniteError(
        f"The logits at token {position} are not finite numbers"
        + (" under these interventions." if edited else ", with no intervention at all."),
        "Undo the last change. " * edited
        + "16-bit weights can overflow: load the model with dtype=torch.float32.",
    )
