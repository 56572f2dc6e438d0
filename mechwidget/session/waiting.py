"""Waiting that an interrupt can end, on every platform.

In flows what is waited for and a time limit; out flows its coming about. A wait with no end cannot
be interrupted on Windows, nor by `_thread.interrupt_main` anywhere; short waits in a row can.
`Awaited` is what everything has in common that somebody may wait for, and may give up.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_SLICE = 0.2


class Awaited(ABC, Generic[T]):
    """A result that is on its way."""

    def __init__(self) -> None:
        self._future: Future[T] = Future()

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result, or raise what went wrong. An interrupt gives it up."""
        try:
            return _result_of(self._future, timeout)
        except KeyboardInterrupt:
            self.cancel()
            raise

    def done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self._future.done()

    def add_done_callback(self, callback: Callable[[Self], Any]) -> None:
        """Call `callback(self)` when it has ended (on the worker's thread), or now if it has."""
        self._future.add_done_callback(lambda _: callback(self))

    @abstractmethod
    def cancel(self) -> None:
        """Give it up."""


def wait_for(wait: Callable[[float], bool], timeout: float | None) -> bool:
    """Call `wait(seconds)` until it is true; false when the time is up."""
    ends = None if timeout is None else time.monotonic() + timeout
    while True:
        left = _SLICE if ends is None else ends - time.monotonic()
        if wait(max(0.0, min(_SLICE, left))):
            return True
        if left <= 0:
            return False


def _result_of(future: Future[T], timeout: float | None) -> T:
    """The result of a future, or what it raised; `TimeoutError` when the time is up."""

    def wait(seconds: float) -> bool:
        try:
            future.exception(seconds)
        except TimeoutError:
            return future.done()
        return True

    if not wait_for(wait, timeout):
        raise TimeoutError
    return future.result()
