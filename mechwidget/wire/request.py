"""One request of a page while it is being worked on.

The handler gets it: to see whether the page still wants the answer, and to say how far it is. All
methods may be called from any thread. Progress is coalesced: at most ten a second per request and
thirty per channel, the newest replaces what was not sent yet, and the last always arrives, before
the answer.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from mechwidget.wire import envelope
from mechwidget.wire.limits import MESSAGE_SECONDS, PROGRESS_SECONDS
from mechwidget.wire.outbox import Outbox, check_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.wire.envelope import Ask, Buffer, Message
    from mechwidget.wire.frames import Frame

log = logging.getLogger(__name__)


class Pace:
    """Lets a message go only when `interval` has passed since the one before. Thread-safe."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next = 0.0
        self._lock = threading.Lock()

    def delay(self) -> float:
        """Seconds until the next message may go; 0 or less means now."""
        return self._next - time.monotonic()

    def take(self) -> float:
        """Take the right to send now, and return 0; or return how long to wait."""
        with self._lock:
            delay = self.delay()
            if delay > 0:
                return delay
            self.went()
            return 0.0

    def went(self) -> None:
        """A message went just now."""
        self._next = time.monotonic() + self._interval


class Request:
    """What a handler knows about the request that it answers.

    Attributes:
        id: the page's name for it.
        op: what is asked.
        buffers: binary data that came with it.
    """

    def __init__(self, ask: Ask, outbox: Outbox, shared_pace: Pace | None = None) -> None:
        self.id = ask.id
        self.op = ask.op
        self.buffers: tuple[Buffer, ...] = ask.buffers
        self._outbox = outbox
        self._pace = Pace(PROGRESS_SECONDS)
        self._shared_pace = shared_pace or Pace(MESSAGE_SECONDS)
        self._lock = threading.RLock()
        self._held: tuple[Message, tuple[Frame, ...]] | None = None
        self._timer: threading.Timer | None = None
        self._answered = False
        self._acknowledged = False
        self._cancelled = threading.Event()
        self._on_cancel: list[Callable[[], object]] = []

    def cancelled(self) -> bool:
        """Has the page withdrawn the request? Cheap enough to ask before every block."""
        return self._cancelled.is_set()

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Call this (in whatever thread) when the page withdraws; at once if it already has."""
        with self._lock:
            if not self._cancelled.is_set():
                self._on_cancel.append(callback)
                return
        callback()

    def progress(
        self,
        done: float,
        total: float,
        label: str = "",
        frames: Sequence[Frame] = (),
        partial: object = None,
    ) -> None:
        """Say how far it is.

        A later call may replace this one before it is sent, so `frames` and `partial` have to
        be all that is known so far, not what was added.
        """
        check_size(frames)
        message = envelope.progress(self.id, done, total, label, partial)
        with self._lock:
            if self._answered:
                return
            self._held = (message, tuple(frames))
            if self._timer is None:
                self._flush_or_wait()

    def acknowledge(self) -> None:
        """Tell the page that the request arrived and will take a while (once)."""
        with self._lock:
            if not (self._acknowledged or self._answered):
                self._acknowledged = True
                self._outbox.post(envelope.receipt(self.id))

    def finish(self, message: Message, frames: Sequence[Frame] = ()) -> None:
        """Send the answer; only the first call does, and nothing follows it."""
        with self._lock:
            if self._answered:
                return
            self._flush()
            self._outbox.post(message, frames)
            self._answered = True

    def withdraw(self) -> None:
        """The page no longer wants it: no message of this request leaves any more."""
        with self._lock:
            self._answered = True
            self._cancelled.set()
            self._stop_timer()
            callbacks, self._on_cancel = self._on_cancel, []
        for callback in callbacks:
            try:
                callback()
            except Exception:
                log.exception("a cancel callback of op %s failed", self.op)

    def _timer_fired(self) -> None:
        with self._lock:
            self._timer = None
            if not self._answered:
                self._flush_or_wait()

    def _flush_or_wait(self) -> None:
        delay = self._pace.delay()
        if delay <= 0:
            delay = self._shared_pace.take()
        if delay <= 0:
            self._flush()
            return
        self._timer = threading.Timer(delay, self._timer_fired)
        self._timer.daemon = True
        self._timer.start()

    def _flush(self) -> None:
        self._stop_timer()
        if self._held is None:
            return
        (message, frames), self._held = self._held, None
        self._pace.went()
        self._outbox.post(message, frames)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
