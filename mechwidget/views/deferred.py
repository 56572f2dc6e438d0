"""An answer that the session computes and the view puts into frames.

In flows something that is done later (a job, a watch) and what to make of its result; out flows
what the wire calls a deferred answer.
"""

from __future__ import annotations

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
