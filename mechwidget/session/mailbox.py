"""The mailbox: notices to observers, delivered in order and never under a lock.

In flow notices, posted while a lock is held, from any thread; out flow calls of observers. Two
threads that change a session at once must not show observers the older value last, and an
observer that waits for a result must not hold what the worker needs to give it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


class Mailbox:
    """A queue of notices with one postman at a time."""

    def __init__(self) -> None:
        self._notices: deque[Callable[[], object]] = deque()
        self._turn = threading.Lock()

    def post(self, notice: Callable[[], object]) -> None:
        """Leave a notice; the order of posting is the order of delivery."""
        self._notices.append(notice)

    def deliver(self) -> None:
        """Deliver what has been posted, unless another call is at it: it takes these as well."""
        while self._notices and self._turn.acquire(blocking=False):
            try:
                while self._notices:
                    _deliver_one(self._notices)
            finally:
                self._turn.release()


def _deliver_one(notices: deque[Callable[[], object]]) -> None:
    try:
        notices.popleft()()
    except Exception:
        # The change has happened, so an observer that fails must not look like a refused change.
        log.exception("an observer of a session failed")
