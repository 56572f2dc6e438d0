"""The pace of pushes: at most thirty a second, one click never waits, the last one always goes.

In flow requests to push, from any thread; out flow calls of one function. Notebook servers drop
messages that come too fast, without a word.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BURST = 5
"""Pushes that go at once after a pause: a click is two, its marks and then its numbers."""

PER_SECOND = 25
"""Pushes that are regained per second; with the burst never more than thirty in any second."""


class Pace:
    """Calls `push` when asked, or a little later, once for everybody who asked meanwhile."""

    def __init__(self, push: Callable[[], object]) -> None:
        self._push = push
        self._lock = threading.Lock()
        self._tokens = float(BURST)
        self._refilled = time.monotonic()
        self._timer: threading.Timer | None = None
        self._closed = False

    def ask(self) -> None:
        """Push what is new, now or as soon as the pace allows."""
        with self._lock:
            if self._closed or self._timer is not None:
                return  # the push that is due will show this as well
            wait = self._seconds_until_free()
            if wait > 0:
                self._timer = threading.Timer(wait, self._due)
                self._timer.daemon = True
                self._timer.start()
                return
            self._tokens -= 1
        self._push()

    def close(self) -> None:
        """Push nothing any more."""
        with self._lock:
            self._closed = True
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _due(self) -> None:
        with self._lock:
            self._timer = None
            if self._closed:
                return
            self._seconds_until_free()
            self._tokens -= 1
        self._push()

    def _seconds_until_free(self) -> float:
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._refilled) * PER_SECOND)
        self._refilled = now
        return (1 - self._tokens) / PER_SECOND
