"""The worker: one daemon thread per model module, through which all model work of sessions goes.

In flow jobs; done is the most urgent first, and of several with one key only the newest. A thread
that waits holds no reference to a model, so a module that nobody uses is collected and its thread
ends. Exceptions end a job, never the worker: also those that are thrown into its thread from
outside (`PyThreadState_SetAsyncExc`), wherever they hit it. Locks are therefore taken by `with` on
the plain lock, which an exception cannot split, and the thread waits in a call of C.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from mechwidget.errors import CancelledError
from mechwidget.session.job import Job, Priority, Queue

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

T = TypeVar("T")

_EXIT_SECONDS = 2.0


class Worker(Queue):
    """The queue of one module and the thread that serves it. Get it with `worker_of`."""

    def __init__(self, name: str = "model") -> None:
        self._lock = threading.RLock()
        self._bell: SimpleQueue[None] = SimpleQueue()  # rung whenever there may be work
        self._waiting: list[tuple[Priority, int, Job[Any]]] = []
        self._current: Job[Any] | None = None
        self._order = count()
        self._retired = False
        self._thread: threading.Thread | None = None
        self._name = name

    def submit(self, job: Job[T]) -> Job[T]:
        """Queue a job; an older one with the same key is cancelled."""
        job.enter(self)
        replaced: list[Job[Any]] = []
        with self._lock:
            if self._retired:
                raise CancelledError("The model of this session is gone.", "Make a new session.")
            if job.key is not None:
                replaced = self._take_out(lambda other: other.key == job.key)
                if self._current is not None and self._current.key == job.key:
                    self._current.stop()
            self._put(job)
            self._start()
            self._bell.put(None)
        _end_all(replaced)
        return job

    def drop(self, job: Job[Any]) -> None:
        """End a cancelled job now if it is only waiting."""
        with self._lock:
            waiting = self._take_out(lambda other: other is job)
        _end_all(waiting)

    def is_mine(self) -> bool:
        """Whether this very thread is the worker's: it must not wait for its own jobs."""
        return threading.current_thread() is self._thread

    def outranks(self, priority: Priority) -> bool:
        """Whether something more urgent waits."""
        # Asked before every block of a run: a look without the lock is enough, and cheap.
        waiting = self._waiting
        return bool(waiting) and waiting[0][0] < priority

    def retire(self) -> None:
        """Cancel everything and let the thread end; nothing can be submitted afterwards."""
        with self._lock:
            self._retired = True
            waiting = self._take_out(lambda _: True)
            if self._current is not None:
                self._current.stop()
            self._bell.put(None)
        _end_all(waiting)

    def _put(self, job: Job[Any], order: int | None = None) -> None:
        entry = (job.priority, next(self._order) if order is None else order, job)
        # A new list each time, since `outranks` reads it without the lock.
        self._waiting = sorted([*self._waiting, entry], key=lambda e: e[:2])

    def _take_out(self, chosen: Callable[[Job[Any]], bool]) -> list[Job[Any]]:
        taken = [job for *_, job in self._waiting if chosen(job)]
        self._waiting = [entry for entry in self._waiting if entry[2] not in taken]
        for job in taken:
            job.stop()
        return taken

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._serve, name=f"mechwidget worker of {self._name}", daemon=True
            )
            _THREADS.add(self._thread)
            self._thread.start()

    def _serve(self) -> None:
        try:
            self._recover(None)
            while self._serve_one():
                pass
        except BaseException as error:  # noqa: BLE001 - thrown into this thread between two jobs
            self._recover(error)
        finally:
            self._hand_over()

    def _serve_one(self) -> bool:
        # A frame of its own: locals of a loop would keep the last job, and its model, alive.
        order, job = self._next()
        if job is None:
            if self._retired:
                return False
            self._bell.get()
            return True
        ended = job.step()
        with self._lock:
            self._current = None
            if not ended:  # also when it was stopped meanwhile: its next step ends it
                self._put(job, order)
        return True

    def _next(self) -> tuple[int, Job[Any] | None]:
        with self._lock:
            if not self._waiting:
                return 0, None
            (_, order, job), *waiting = self._waiting
            self._current, self._waiting = job, waiting
            return order, job

    def _recover(self, error: BaseException | None) -> None:
        """End the job that was under way when something hit this thread outside of it."""
        with self._lock:
            job, self._current = self._current, None
        if job is not None:
            job.fail(error or CancelledError("The work was interrupted.", "Ask for it again."))

    def _hand_over(self) -> None:
        """A thread that was hit gives its place to a new one, while there may be work."""
        with self._lock:
            if not self._retired and threading.current_thread() is self._thread:
                self._thread = None
                self._start()


def worker_of(module: torch.nn.Module) -> Worker:
    """The worker of a module: the same one for every session that shows the module."""
    with _WORKERS_LOCK:
        worker = _WORKERS.get(module)
        if worker is None:
            worker = _WORKERS[module] = Worker(type(module).__name__)
            weakref.finalize(module, worker.retire).atexit = False
        return worker


def _end_all(jobs: list[Job[Any]]) -> None:
    # Outside the queue's lock: callbacks of the jobs run here and may submit again.
    for job in jobs:
        job.step()


def _retire_all() -> None:
    """At exit: a daemon thread that is killed inside torch can take the process with it."""
    for worker in list(_WORKERS.values()):
        worker.retire()
    for thread in list(_THREADS):
        thread.join(_EXIT_SECONDS)


_WORKERS_LOCK = threading.RLock()
_WORKERS: weakref.WeakKeyDictionary[torch.nn.Module, Worker] = weakref.WeakKeyDictionary()
_THREADS: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
atexit.register(_retire_all)
