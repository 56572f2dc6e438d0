"""What a view wants to know of the model: asked for once, done by the worker, remembered.

In flow a key, which says all that the answer depends on beside the model, and the work that finds
it out; out flow jobs. Answers are forgotten as soon as the model is another one (weights or hooks
were changed by hand), and where nobody can say whether it is.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from mechwidget.session.job import Job, Priority, Steps
from mechwidget.session.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from mechwidget.models import HookedModel
    from mechwidget.session.worker import Worker

T = TypeVar("T")

# A key, and the work that finds the answer out.
Question: TypeAlias = "tuple[Hashable, Callable[[Callable[[], bool]], T]]"

_BYTES_KEPT = 64 * 2**20


class Reads:
    """Questions to one model, with a memory of the last answers."""

    def __init__(self, model: HookedModel, worker: Worker) -> None:
        self._worker = worker
        self._jobs: weakref.WeakSet[Job[Any]] = weakref.WeakSet()
        self._recent: Remembered[Any] = Remembered(model, _BYTES_KEPT)

    def read(
        self,
        key: Hashable,
        work: Callable[[Callable[[], bool]], T],
        n_bytes: Callable[[T], int],
        priority: Priority = Priority.FETCH,
    ) -> Job[T]:
        """The answer of `work(cancelled)`, which is told when to stop and starts over when it may.

        Args:
            key: everything that the answer depends on beside the model.
            work: called on the worker's thread; it raises `CancelledError` when it was stopped.
            n_bytes: how much room an answer takes in memory.
            priority: how urgent it is beside clicks and sweeps.
        """

        def steps(job: Job[T]) -> Steps[T]:
            return (
                yield from job.uninterrupted(
                    lambda: self._answer(key, lambda: work(job.should_stop), n_bytes)
                )
            )

        job = Job(steps, priority)
        self._jobs.add(job)
        return self._worker.submit(job)

    def read_each(
        self,
        questions: Sequence[Question[T]],
        n_bytes: Callable[[T], int],
        told: Callable[[Sequence[T]], object],
    ) -> Job[list[T]]:
        """The answers to many questions, one after the other; everything else may go in between.

        Each answer is remembered by itself, so that what was known when it was cancelled is known
        when it is asked for again. All are of the same model: if that changes, it starts over.

        Args:
            questions: key and work of each, as `read` has them.
            n_bytes: how much room an answer takes in memory.
            told: called on the worker's thread with all answers so far, after each.
        """

        def steps(job: Job[list[T]]) -> Steps[list[T]]:
            found: list[T] = []
            version: int | None = None
            while len(found) < len(questions):
                key, work = questions[len(found)]
                answer = yield from job.uninterrupted(
                    lambda key=key, work=work: self._answer(  # type: ignore[misc]
                        key, lambda: work(job.should_stop), n_bytes
                    )
                )
                if found and self._recent.version != version:
                    found = []
                    continue
                version = self._recent.version
                found.append(answer)
                told(found)
                yield
            return found

        job = Job(steps, Priority.SWEEP)
        self._jobs.add(job)
        return self._worker.submit(job)

    def close(self) -> None:
        """Cancel what is under way."""
        for job in list(self._jobs):
            job.cancel()

    def _answer(self, key: Hashable, work: Callable[[], T], n_bytes: Callable[[T], int]) -> T:
        with self._recent.as_it_is():
            known: T | None = self._recent.get(key)
            if known is not None:
                return known
            answer = work()
        self._recent.keep(key, answer, n_bytes(answer))
        return answer
