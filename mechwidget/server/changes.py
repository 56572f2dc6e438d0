"""What has changed, told to whoever listens: a small bus for server-sent events.

In flow changes of recipes, kernels and sessions; out flow numbered events, to each listener in
order. A listener that comes back says which event it saw last and gets those since. One that is too
slow, or was away too long, is told to look at everything again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mechwidget.server.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

_REMEMBERED = 256
_WAITING = 256


@dataclass(frozen=True)
class Event:
    """One change.

    Attributes:
        id: unlike that of any other, also of an earlier run of the server.
        kind: "recipe", "kernel", "sessions", or "reset": look at everything again.
        data: what has changed.
    """

    id: str
    kind: str
    data: Json


class Listener:
    """Who listens; `next` waits for the next event."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(_WAITING)

    def give(self, event: Event) -> None:
        """Queue an event; a full queue is thrown away for one "reset"."""
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
            event = Event(event.id, "reset", {})
        self._queue.put_nowait(event)

    def end(self) -> None:
        """Let `next` return None, after nothing else."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def next(self, seconds: float) -> Event | None:
        """The next event; None when there will be none.

        Raises:
            TimeoutError: none came in time.
        """
        return await asyncio.wait_for(self._queue.get(), seconds)


class Changes:
    """Who listens, and what they have been told.

    Args:
        most: how many may listen at once.
        on_audience: called when the first comes (True) and when the last has left (False).
    """

    def __init__(self, most: int, on_audience: Callable[[bool], object]) -> None:
        self._most = most
        self._on_audience = on_audience
        self._listeners: set[Listener] = set()
        self._past: deque[Event] = deque(maxlen=_REMEMBERED)
        self._run = secrets.token_hex(4)
        self._count = 0

    def tell(self, kind: str, data: Json) -> None:
        """Something has changed. Call it on the server's event loop."""
        self._count += 1
        event = Event(f"{self._run}.{self._count}", kind, data)
        self._past.append(event)
        for listener in self._listeners:
            listener.give(event)

    def join(self, last: str | None = None) -> Listener:
        """Listen from now on, or from behind the event that was seen last.

        Raises:
            Refusal: too many listen.
        """
        if len(self._listeners) >= self._most:
            raise Refusal(
                503,
                "too_many_streams",
                f"{self._most} streams of changes are open, and no more are kept.",
                "Close some; MechwidgetServer.max_streams sets the limit.",
            )
        listener = Listener()
        for event in self._since(last):
            listener.give(event)
        self._listeners.add(listener)
        if len(self._listeners) == 1:
            self._on_audience(True)
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)
            if not self._listeners:
                self._on_audience(False)

    def forget(self) -> None:
        """From now on changes may go unseen: whoever comes back must look at everything."""
        self._past.clear()

    def close(self) -> None:
        """End every stream: the server stops."""
        for listener in tuple(self._listeners):
            listener.end()

    def _since(self, last: str | None) -> list[Event]:
        if last is None:
            return []
        past = list(self._past)
        ids = [event.id for event in past]
        if last in ids:
            return past[ids.index(last) + 1 :]
        return [Event(f"{self._run}.{self._count}", "reset", {})]
