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
"""Pushes that go at once after a pause: a slow click is two, its marks and then its numbers."""

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
        self._patient = False  # the push that is due waits for more, not for its turn
        self._closed = False

    def ask(self, patience: float = 0.0) -> None:
        """Push what is new, now or as soon as the pace allows.

        Args:
            patience: seconds that it may wait for more; the next that has none takes it along.
        """
        with self._lock:
            wait = self._seconds_until_free()
            due, early = self._timer, patience == 0 and self._patient
            if self._closed or (due is not None and not early):
                return  # the push that is due will show this as well
            if due is not None:
                due.cancel()
                self._timer = None
            if wait > 0 or patience > 0:
                self._patient = patience > wait
                self._timer = threading.Timer(max(wait, patience), self._due)
                self._timer.daemon = True
                self._timer.start()
                return
            self._patient = False
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
            if self._closed or self._timer is not threading.current_thread():
                return
            self._timer, self._patient = None, False
            self._seconds_until_free()
            self._tokens -= 1
        self._push()

    def _seconds_until_free(self) -> float:
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._refilled) * PER_SECOND)
        self._refilled = now
        return (1 - self._tokens) / PER_SECOND
