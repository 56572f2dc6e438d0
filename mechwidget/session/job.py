"""A job: one piece of model work that the worker does in steps.

In flows a generator function that does the work, pausing with `yield` where other work may go
first; out flows its result, to whoever waits or has left a callback (a job is what the wire calls
a deferred answer). A job is asked to stop when it is cancelled, and also when something more urgent
waits; `uninterrupted` tells the two apart.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Hashable
from enum import IntEnum
from threading import Event, RLock
from typing import Any, Self, TypeVar

from mechwidget.errors import CancelledError, MechwidgetError
from mechwidget.session.waiting import Awaited

log = logging.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")
Steps = Generator[None, None, T]


class Priority(IntEnum):
    """What goes first: the numbers of a click, what a view fetches, what is written, sweeps."""

    RUN = 0
    FETCH = 1
    STREAM = 2
    SWEEP = 3


class Job(Awaited[T]):
    """Work that waits, is under way or has ended.

    Args:
        work: generator function; it gets this job and returns the result.
        priority: more urgent jobs go first and interrupt less urgent ones.
        key: of the jobs with one key only the newest is worth doing; None: stands for itself.
    """

    def __init__(
        self,
        work: Callable[[Job[T]], Steps[T]],
        priority: Priority,
        key: Hashable | None = None,
    ) -> None:
        super().__init__()
        self.key = key
        self.priority = priority
        self._lock = RLock()
        self._callbacks: list[Callable[[Any], Any]] = []
        self._stopped = Event()
        self._queue: Queue | None = None
        self._work: Callable[[Job[T]], Steps[T]] | None = work
        self._steps: Steps[T] | None = None

    # -- for whoever wants the result

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result, or raise what went wrong. An interrupt cancels the job.

        Raises:
            MechwidgetError: this is the worker's own thread, which would wait for itself.
        """
        if self._queue is not None and self._queue.is_mine() and not self.done():
            raise MechwidgetError(
                "A callback that runs on the worker would wait for the worker.",
                "Read the result later, or in another thread.",
            )
        return super().result(timeout)

    def add_done_callback(self, callback: Callable[[Self], Any]) -> None:
        """Call `callback(job)` when it has ended (on the worker's thread), or now if it has."""
        with self._lock:
            if not self.done():
                self._callbacks.append(callback)
                return
        self._call(callback)

    def cancel(self) -> None:
        """Stop it: at once while it waits, between two blocks while it runs."""
        self._stopped.set()
        if self._queue is not None:
            self._queue.drop(self)

    # -- for the work itself

    def cancelled(self) -> bool:
        """Nobody wants the result any more."""
        return self._stopped.is_set()

    def should_stop(self) -> bool:
        """Pass this as `cancelled=` to runs: cancelled, or something more urgent waits."""
        if self._stopped.is_set():
            return True
        return self._queue is not None and self._queue.outranks(self.priority)

    def uninterrupted(self, run: Callable[[], U]) -> Steps[U]:
        """Do `run`, starting over when it had to make way for something more urgent."""
        while True:
            try:
                return run()
            except CancelledError:
                if self.cancelled():
                    raise
                yield

    # -- for the worker

    def enter(self, queue: Queue) -> None:
        """It was queued there."""
        self._queue = queue

    def stop(self) -> None:
        """Mark it as cancelled; its next step ends it."""
        self._stopped.set()

    def step(self) -> bool:
        """Work up to the next pause; true when the job has ended, one way or the other."""
        try:
            self._advance()
        except StopIteration as end:
            self._end(end.value)
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it, the worker lives on
            self.fail(error)
        else:
            return False
        return True

    def fail(self, error: BaseException) -> None:
        """End it with an error, and tell whoever has not been told yet."""
        self._end(None, error)

    def _end(self, value: Any, error: BaseException | None = None) -> None:
        self._let_go()
        with self._lock:
            if not self.done() and error is None:
                self._future.set_result(value)
            elif not self.done():
                self._future.set_exception(error)
        # Taken off the list only when it has returned: should something thrown into this thread
        # stop it half-way, it is called again, rather than not at all.
        while self._callbacks:
            self._call(self._callbacks[0])
            del self._callbacks[:1]

    def _call(self, callback: Callable[[Any], Any]) -> None:
        try:
            callback(self)
        except Exception:
            log.exception("a callback of a job failed")

    def _advance(self) -> None:
        if self._stopped.is_set():
            raise CancelledError("The work was cancelled, or something newer replaced it.")
        if self._steps is None and self._work is not None:
            self._steps, self._work = self._work(self), None
        if self._steps is not None:
            next(self._steps)

    def _let_go(self) -> None:
        # Of the model, before anybody is told: they may want to be its last owner.
        self._steps = self._work = None


class Queue(ABC):
    """What a job needs of the queue that it is in."""

    @abstractmethod
    def is_mine(self) -> bool:
        """Whether this thread is the one that does the jobs: it must not wait for them."""

    @abstractmethod
    def outranks(self, priority: Priority) -> bool:
        """Whether something more urgent waits."""

    @abstractmethod
    def drop(self, job: Job[Any]) -> None:
        """Take out a job that was cancelled while it waited."""
