"""The numbers of a session: always those of the newest state, or on their way there.

In flow states with their revision; the worker computes, a newer state replaces an older one
between two blocks, and out flow what stands now (never blocking) and what will stand (waiting).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mechwidget.errors import CancelledError, MechwidgetError
from mechwidget.session.job import Job, Priority, Steps
from mechwidget.session.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.session.computation import Computation, Computed
    from mechwidget.session.state import State
    from mechwidget.session.worker import Worker


@dataclass(frozen=True)
class Standing:
    """Where the numbers stand.

    Attributes:
        wanted: the revision that was asked for last.
        computed: the newest numbers that there are, and `revision`, the one they are for.
        error: why there are none for the revision that is wanted.
    """

    wanted: int = -1
    revision: int = -1
    computed: Computed | None = None
    error: BaseException | None = None

    @property
    def settled(self) -> bool:
        """Whether the wanted revision has its numbers, or the reason why not."""
        return self.error is not None or self.revision == self.wanted


class Numbers:
    """Computes the newest state.

    Args:
        computation: makes the numbers of a state.
        worker: where that happens.
        changed: called, in any thread and under no lock, when the standing has changed.
    """

    def __init__(
        self, computation: Computation, worker: Worker, changed: Callable[[], object]
    ) -> None:
        self._computation = computation
        self._worker = worker
        self._changed = changed
        self._lock = threading.RLock()  # taken as itself: nothing can hit a thread in between
        self._settled = threading.Condition(self._lock)
        self._standing = Standing()
        self._state: State | None = None
        self._job: Job[Computed] | None = None

    @property
    def standing(self) -> Standing:
        """Where the numbers stand now."""
        return self._standing

    def compute(self, state: State, revision: int) -> None:
        """Compute this state from now on; an older one that is not ready is dropped."""
        with self._lock:
            self._standing = replace(self._standing, wanted=revision, error=None)
            self._state = state
            # The job refers to its state only: a slow older one must not see the newer.
            self._job = job = Job(lambda job: self._work(job, state), Priority.RUN, key=self)
        job.add_done_callback(lambda ended: self._settle(ended, revision))
        self._worker.submit(job)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the newest state has settled; false when the time is up.

        An interrupt (Ctrl-C, the stop button) cancels the run and is raised again.
        """
        if self._worker.is_mine() and not self._standing.settled:
            raise MechwidgetError(
                "A callback that runs on the worker would wait for the worker.",
                "Read the result later, or in another thread.",
            )
        try:
            return wait_for(self._wait, timeout)
        except KeyboardInterrupt:
            self.cancel()
            raise

    def get(self) -> Computed:
        """The numbers of the newest state; waits for them, raises what prevented them."""
        if isinstance(self._standing.error, CancelledError):
            self.again()  # interrupted once
        self.wait()
        standing = self._standing
        if standing.error is not None:
            raise standing.error
        if standing.computed is None:
            raise CancelledError("Nothing has been computed.")
        return standing.computed

    def cancel(self) -> None:
        """Stop computing; the newest state stands without numbers until somebody asks again."""
        if self._give_up(CancelledError("The run was interrupted.", "Ask for the result again.")):
            self._changed()

    def again(self) -> None:
        """Compute the newest state once more where something prevented it; does not wait."""
        with self._lock:
            if self._standing.error is not None and self._state is not None:
                self.compute(self._state, self._standing.wanted)
        self._changed()

    def close(self) -> None:
        """Cancel for good and let go of everything that was computed."""
        self._give_up(CancelledError("The session was closed."))
        with self._lock:
            self._state = None
            error = CancelledError("The session was closed.")
            self._standing = Standing(self._standing.wanted, error=error)
            self._settled.notify_all()

    def _give_up(self, reason: CancelledError) -> bool:
        # Said at once: a run may take long to come to its next block.
        with self._lock:
            job, self._job = self._job, None
            if job is None:
                return False
            self._standing = replace(self._standing, error=reason)
            self._settled.notify_all()
        job.cancel()
        return True

    def _wait(self, seconds: float) -> bool:
        with self._lock:
            return self._settled.wait_for(lambda: self._standing.settled, seconds)

    def _work(self, job: Job[Computed], state: State) -> Steps[Computed]:
        return (yield from job.uninterrupted(lambda: self._compute(job, state)))

    def _compute(self, job: Job[Computed], state: State) -> Computed:
        return self._computation.compute(state, job.should_stop)

    def _settle(self, job: Job[Computed], revision: int) -> None:
        with self._lock:
            if self._job is not job:  # replaced by a newer state
                return
            try:
                computed = job.result()
            except BaseException as error:  # noqa: BLE001 - kept for whoever asks for the result
                self._standing = replace(self._standing, error=error)
            else:
                self._standing = Standing(revision, revision, computed)
            self._job = None
            self._settled.notify_all()
        self._changed()
