"""Waiting that an interrupt can end, on every platform.

In flows what is waited for and a time limit; out flows its coming about. A wait with no end cannot
be interrupted on Windows, nor by `_thread.interrupt_main` anywhere; short waits in a row can.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

T = TypeVar("T")

_SLICE = 0.2


def wait_for(wait: Callable[[float], bool], timeout: float | None) -> bool:
    """Call `wait(seconds)` until it is true; false when the time is up."""
    ends = None if timeout is None else time.monotonic() + timeout
    while True:
        left = _SLICE if ends is None else ends - time.monotonic()
        if wait(max(0.0, min(_SLICE, left))):
            return True
        if left <= 0:
            return False


def result_of(future: Future[T], timeout: float | None) -> T:
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
