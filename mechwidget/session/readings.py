"""What can be read off a session: runs, the metric, patterns, scores and effects.

In flows the newest state, through the engine; out flow numbers. Properties wait for the newest
state and raise what prevented its computation; fetches return at once what can be waited for.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from traitlets import HasTraits

from mechwidget.session.traits import AbstractTraits

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import torch

    from mechwidget.analysis import MapScore, Outcome, ScoreMap
    from mechwidget.analysis.map_score import Scale
    from mechwidget.interventions import Head
    from mechwidget.models import Run
    from mechwidget.session.engine import Engine
    from mechwidget.session.job import Job
    from mechwidget.session.scores import Progress as ScoreProgress
    from mechwidget.session.snapshot import Snapshot
    from mechwidget.session.state import State
    from mechwidget.session.sweep import Progress, Watch
    from mechwidget.session.waiting import Awaited

T = TypeVar("T")


class Readings(HasTraits, metaclass=AbstractTraits):
    """The reading half of a session."""

    @property
    def baseline(self) -> Run:
        """The run with no intervention; its logits are those at `outcome`'s position."""
        return self._open().numbers.get().baseline

    @property
    def result(self) -> Run:
        """The run under the interventions that are on; waits for the newest state."""
        return self._open().numbers.get().result

    @property
    def outcome(self) -> Outcome:
        """How the prediction changed; waits for the newest state."""
        return self._open().numbers.get().outcome

    @property
    def metric_value(self) -> float | None:
        """The metric under the interventions; None without a metric."""
        metric = self._open().numbers.get().metric
        return None if metric is None else metric[1]

    @property
    def baseline_metric_value(self) -> float | None:
        """The metric with no intervention; None without a metric."""
        metric = self._open().numbers.get().metric
        return None if metric is None else metric[0]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the newest state has its numbers or its error; false when time is up."""
        return self._open().numbers.wait(timeout)

    def cancel(self) -> None:
        """Stop computing: the newest state stands without numbers until they are asked for again.

        Nothing that was asked is taken back, and nothing is raised where nothing is computed.
        """
        self._open().numbers.cancel()

    def run_again(self) -> None:
        """Compute the newest state once more where it was cancelled or failed; does not wait."""
        self._open().numbers.again()

    def read(
        self,
        key: Hashable,
        work: Callable[[State, Callable[[], bool]], T],
        n_bytes: Callable[[T], int],
    ) -> Job[T]:
        """What `work(state, cancelled)` finds out on the worker's thread; `.result()` waits.

        For views: the answer is remembered under `key` and the state that it is asked about, until
        the model changes. `cancelled` is to be passed on to every run.

        Args:
            key: what is asked for, with its arguments.
            work: finds it out; it may use `session.model`, which is its own meanwhile.
            n_bytes: how much room the answer takes in memory.
        """
        state = self.snapshot().state
        asked = (key, state.tokens, state.active, state.metric, state.position, state.other)
        return self._open().reads.read(asked, lambda stop: work(state, stop), n_bytes)

    def pattern(self, head: Head, *, edited: bool = True) -> Job[torch.Tensor]:
        """The attention `[query, key]` of a head; `.result()` of what is returned waits."""
        return self._open().patterns.pattern(self.snapshot().state, head, edited=edited)

    def scores(
        self, name: str, *, edited: bool = False, progress: ScoreProgress | None = None
    ) -> Awaited[ScoreMap]:
        """One score of every head, MLP, attention and layer; `.result()` waits.

        Args:
            name: any that `mechwidget.analysis.map_scores` has, or that `score_heads` was given.
            edited: off the run with the interventions that are on, of a score that follows them.
            progress: called on the worker's thread with (done, total, map so far) by scores that
                take more than one run.

        Raises:
            MechwidgetError: no score has this name, or it needs what the session lacks.
        """
        scores = self._open().scores
        return scores.read(self.snapshot().state, name, edited=edited, progress=progress)

    @property
    def known_scores(self) -> tuple[MapScore, ...]:
        """Every score that can colour the head map, numbers of your own last."""
        return self._open().scores.all()

    def lacks(self, score: MapScore) -> str:
        """What a score needs and the session does not have now, in words; empty: nothing."""
        return self._open().scores.missing(score, self.snapshot().state)

    def score_heads(
        self,
        name: str,
        numbers: Any,
        *,
        unit: str = "",
        convention: str = "",
        scale: Scale | None = None,
    ) -> None:
        """Let numbers of your own colour the head map: they are in its menu from now on.

        Args:
            name: what they are called there; numbers of that name are replaced.
            numbers: an array, a tensor or lists, `[layer, head]`; nan is "nothing here", None
                takes them out of the menu again.
            unit: "logits", "share" …; empty for a pure number.
            convention: one line: what the number is and which way is up.
            scale: "sequential" from 0 or "diverging" around 0; None is whichever fits.

        Raises:
            MechwidgetError: not `[layer, head]` of this model, or a registered score's name.
        """
        self._open().scores.keep(name, numbers, unit, convention, scale)
        self._tell()

    def effects(self, progress: Progress | None = None) -> Watch:
        """What ablating each part does to the metric, `[layer, head …, MLP, attention, layer]`.

        `.result()` of what is returned waits.

        Args:
            progress: called on the worker's thread with (done, total, grid so far).
        """
        return self._open().sweeps.watch(self.snapshot().state, progress)

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """One coherent picture of now; never waits for the model."""

    @abstractmethod
    def _tell(self) -> None:
        """Call the listeners."""

    @abstractmethod
    def _open(self) -> Engine:
        """The engine of a session that is not closed."""
