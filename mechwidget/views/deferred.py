"""An answer that the session computes and the view puts into frames.

In flows something that is done later (a job, a watch) and what to make of its result; out flows
what the wire calls a deferred answer.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.wire import Deferred

T = TypeVar("T")


class Then(Generic[T]):
    """The result of `source`, once `make` has been applied to it.

    Args:
        source: what is waited for.
        make: called with its result, on the thread that asks for the answer.
    """

    def __init__(self, source: Deferred, make: Callable[[Any], T]) -> None:
        self._source = source
        self._make = make

    def add_done_callback(self, callback: Callable[[Then[T]], object], /) -> None:
        """Call `callback(self)` once the source is done."""
        self._source.add_done_callback(lambda _: callback(self))

    def result(self) -> T:
        """What is made of the result; raises what went wrong."""
        return self._make(self._source.result())

    def cancel(self) -> None:
        """The page no longer wants it."""
        self._source.cancel()

    def done(self) -> bool:
        """Whether the source is done."""
        return self._source.done()


class ThenChange(Generic[T]):
    """A change of the session that needs something of the model first.

    It is made in a thread of its own: whoever observes the session may wait for its numbers, which
    the worker, on whose thread the source is done, could not give meanwhile.

    Args:
        source: what is waited for.
        change: called with its result.
    """

    def __init__(self, source: Deferred, change: Callable[[Any], T]) -> None:
        self._source = source
        self._change = change
        self._future: Future[T] = Future()
        source.add_done_callback(self._start)

    def add_done_callback(self, callback: Callable[[ThenChange[T]], object], /) -> None:
        """Call `callback(self)` once the change is made or refused."""
        self._future.add_done_callback(lambda _: callback(self))

    def result(self) -> T:
        """What the change returned; raises why there was none."""
        return self._future.result()

    def cancel(self) -> None:
        """The page no longer wants it; a change that has begun is made."""
        self._source.cancel()

    def done(self) -> bool:
        """Whether the change is made or refused."""
        return self._future.done()

    def _start(self, _: object) -> None:
        threading.Thread(target=self._make, name="mechwidget change", daemon=True).start()

    def _make(self) -> None:
        try:
            self._future.set_result(self._change(self._source.result()))
        except BaseException as error:  # noqa: BLE001 - whoever asked is told
            self._future.set_exception(error)
