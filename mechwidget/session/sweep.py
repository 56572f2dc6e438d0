"""Sweeps of a session: what ablating each head, MLP, attention and layer does, clicks first.

In flows a state (its prompt and metric count, its interventions do not); out flow watches, one per
whoever wants to see the effects. Those who watch the same state share one sweep; it stops when
nobody watches any more, and goes on where it stopped when somebody does again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING

from mechwidget.analysis import (
    Effect,
    ablation_effects,
    ablation_groups,
    effect_grid,
    sweep_components,
)
from mechwidget.errors import CancelledError
from mechwidget.session.job import Job, Priority, Steps
from mechwidget.session.waiting import Awaited

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

    from mechwidget.analysis.ablation_sweep import Swept
    from mechwidget.models import HookedModel
    from mechwidget.session.computation import Computation
    from mechwidget.session.state import State
    from mechwidget.session.worker import Worker

    Grid = npt.NDArray[np.float32]

log = logging.getLogger(__name__)

Progress = Callable[[int, int, "Grid"], object]

_SECONDS_BETWEEN_PROGRESS = 0.1
_SWEEPS_KEPT = 8


class Watch(Awaited["Grid"]):
    """One watcher's view of a sweep, given up on its own.

    Its result is all effects: float32 `[layer, head …, MLP, attention, layer]`, nan where there is
    nothing.
    """

    def __init__(self, progress: Progress | None, leave: Callable[[Watch], None]) -> None:
        super().__init__()
        self._progress = progress
        self._leave = leave

    def cancel(self) -> None:
        """Stop watching; the last one to leave stops the sweep."""
        self.end(CancelledError("Nobody watches this sweep any more."))
        self._leave(self)

    def report(self, done: int, total: int, grid: Grid) -> None:
        """Told by the sweep how far it is."""
        if self._progress is None or self.done():
            return
        try:
            self._progress(done, total, grid)
        except Exception:
            # Others watch the same sweep: it goes on.
            log.exception("a progress callback of a sweep failed")

    def end(self, outcome: Grid | BaseException) -> None:
        """Told by the sweep how it ended; later news are not for this watcher."""
        with suppress(InvalidStateError):
            if isinstance(outcome, BaseException):
                self._future.set_exception(outcome)
            else:
                self._future.set_result(outcome)


class Sweep:
    """The effects of one prompt and metric, known so far."""

    def __init__(self, model: HookedModel, computation: Computation, state: State) -> None:
        self._model = model
        self._computation = computation
        self._state = state
        self._components = sweep_components(model, wholes=True)
        self._effects: list[Effect] = []
        self._version: int | None = None  # of the model that the effects are of
        self._watches: list[Watch] = []
        self._job: Job[Grid] | None = None
        self._lock = threading.RLock()
        self._next_progress = 0.0

    def watch(self, worker: Worker, key: Hashable, progress: Progress | None) -> Watch:
        """Watch it from now on; starts it, or starts it again where it stopped."""
        watch = Watch(progress, self._leave)
        job = None
        with self._lock:
            self._watches.append(watch)
            if self._job is None or self._job.cancelled():
                self._job = job = Job(self._work, Priority.SWEEP, key)
        if job is not None:
            job.add_done_callback(self._end)
            worker.submit(job)
        return watch

    @property
    def known(self) -> Grid | None:
        """All effects, where all are known already."""
        effects = list(self._effects)
        complete = len(effects) == len(self._components)
        return effect_grid(self._model, effects) if complete else None

    def stop(self) -> None:
        """End it for everybody; what is known stays known."""
        with self._lock:
            job = self._job
        if job is not None:
            job.cancel()

    def _work(self, job: Job[Grid]) -> Steps[Grid]:
        while not (yield from self._pass(job)):
            pass
        return effect_grid(self._model, self._effects)

    def _pass(self, job: Job[Grid]) -> Steps[bool]:
        """Add what is not known yet; false when the model has changed under it."""
        logits = yield from job.uninterrupted(lambda: self._begin(job))
        known = {effect.component for effect in self._effects}
        left = [component for component in self._components if component not in known]
        state = self._state
        for group in ablation_groups(
            self._model, state.tokens, left, state.bound, position=state.position
        ):
            effects = yield from job.uninterrupted(
                lambda group=group: self._effects_of(group, logits, job)  # type: ignore[misc]
            )
            if effects is None:
                return False
            self._effects += effects
            self._report()
            yield
        return True

    def _begin(self, job: Job[Grid]) -> torch.Tensor:
        """The baseline's logits `[vocab]`; effects on a model that is no more are forgotten."""
        with self._computation.as_it_is() as version:
            if version is None or version != self._version:
                self._effects = []
            self._version = version
            return self._computation.run(self._state, (), job.should_stop).logits[0, 0]

    def _effects_of(
        self, group: Sequence[Swept], logits: torch.Tensor, job: Job[Grid]
    ) -> tuple[Effect, ...] | None:
        with self._computation.as_it_is() as version:
            if version != self._version:
                return None
            return ablation_effects(
                self._model,
                self._state.tokens,
                group,
                logits,
                self._state.bound,
                position=self._state.position,
                cancelled=job.should_stop,
            )

    def _report(self) -> None:
        if time.monotonic() < self._next_progress:
            return
        self._next_progress = time.monotonic() + _SECONDS_BETWEEN_PROGRESS
        grid = effect_grid(self._model, self._effects)
        with self._lock:
            watches = list(self._watches)
        for watch in watches:
            watch.report(len(self._effects), len(self._components), grid)

    def _leave(self, watch: Watch) -> None:
        with self._lock:
            self._watches = [other for other in self._watches if other is not watch]
            job = None if self._watches else self._job
        if job is not None:
            job.cancel()

    def _end(self, job: Job[Grid]) -> None:
        with self._lock:
            if self._job is not job:
                return
            watches, self._watches, self._job = self._watches, [], None
        try:
            outcome: Grid | BaseException = job.result()
        except BaseException as error:  # noqa: BLE001 - handed to every watcher
            outcome = error
        for watch in watches:
            watch.end(outcome)


class Sweeps:
    """The sweeps of one session: at most one is under way, the last few are remembered."""

    def __init__(self, model: HookedModel, computation: Computation, worker: Worker) -> None:
        self._model = model
        self._computation = computation
        self._worker = worker
        self._sweeps: OrderedDict[Hashable, Sweep] = OrderedDict()
        self._lock = threading.Lock()

    def watch(self, state: State, progress: Progress | None = None) -> Watch:
        """See the effects of every part on this prompt and metric.

        Args:
            state: whose prompt and metric; its interventions are not applied.
            progress: called on the worker's thread with (done, total, grid so far), at most ten
                times a second.
        """
        key = _key(state)
        with self._lock:
            sweep = self._sweeps.setdefault(key, Sweep(self._model, self._computation, state))
            self._sweeps.move_to_end(key)
            while len(self._sweeps) > _SWEEPS_KEPT:
                self._sweeps.popitem(last=False)[1].stop()
        return sweep.watch(self._worker, self, progress)

    def known(self, state: State) -> Grid | None:
        """All effects on this prompt and metric, where they are known already."""
        with self._lock:
            sweep = self._sweeps.get(_key(state))
        return None if sweep is None else sweep.known

    def keep_only(self, state: State) -> None:
        """Stop the sweeps of other prompts and metrics."""
        with self._lock:
            others = [sweep for key, sweep in self._sweeps.items() if key != _key(state)]
        for sweep in others:
            sweep.stop()

    def close(self) -> None:
        """Stop and forget every sweep."""
        with self._lock:
            sweeps, self._sweeps = list(self._sweeps.values()), OrderedDict()
        for sweep in sweeps:
            sweep.stop()


def _key(state: State) -> Hashable:
    return (state.tokens, state.position, state.metric)
