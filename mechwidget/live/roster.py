"""The open sessions of this process.

In flow sessions as they open and close, and word that one has changed; out flows who is open now.
Sessions are held weakly: one that a person has dropped is gone from here by itself.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


class Live(Protocol):
    """What a session shows of itself here; called on any thread, and must be quick."""

    id: str

    def describe(self) -> Json | None:
        """The session as small JSON; None once it is closed."""

    def act(self, action: str, arguments: Mapping[str, object]) -> None:
        """Change the session; raises a `MechwidgetError` where that is refused."""


class Listener(Protocol):
    """Who hears of changes."""

    def __call__(self, *, opened_or_closed: bool) -> None:
        """A session is new, closed, or has changed."""


_lock = threading.Lock()
_open: weakref.WeakKeyDictionary[object, Live] = weakref.WeakKeyDictionary()
_listeners: list[Listener] = []


def enlist(owner: object, live: Live) -> None:
    """Take in a session for as long as `owner` lives and is not withdrawn."""
    with _lock:
        _open[owner] = live
    _tell(opened_or_closed=True)


def withdraw(owner: object) -> None:
    """The session of `owner` is closed."""
    with _lock:
        _open.pop(owner, None)
    _tell(opened_or_closed=True)


def changed() -> None:
    """Something about one of the sessions is new."""
    _tell(opened_or_closed=False)


def listen(listener: Listener) -> None:
    """Call `listener(opened_or_closed=…)` after every change, on the thread that made it.

    It must be quick and raise nothing.
    """
    _listeners.append(listener)


def sessions() -> list[Live]:
    """Those that are open, in the order in which they were opened."""
    with _lock:
        return list(_open.values())


def _tell(*, opened_or_closed: bool) -> None:
    for listener in tuple(_listeners):
        listener(opened_or_closed=opened_or_closed)
