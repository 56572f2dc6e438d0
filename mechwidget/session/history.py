"""The history of a session: the states before and after this one.

In flow states as they are left; out flow the states that undo and redo go back to. States are
immutable, so remembering one is remembering a reference.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

S = TypeVar("S")

LIMIT = 500
"""Steps that can be undone; the oldest are forgotten first."""


class History(Generic[S]):
    """Undo and redo over immutable states."""

    def __init__(self) -> None:
        self._before: deque[S] = deque(maxlen=LIMIT)
        self._after: list[S] = []

    @property
    def before(self) -> S | None:
        """The state that undo goes back to."""
        return self._before[-1] if self._before else None

    @property
    def after(self) -> S | None:
        """The state that redo returns to."""
        return self._after[-1] if self._after else None

    def leave(self, state: S) -> None:
        """Remember `state` on the way to a new one; what had been undone is gone."""
        self._before.append(state)
        self._after.clear()

    def undo(self, current: S) -> S | None:
        """The state before `current`, or None."""
        if not self._before:
            return None
        self._after.append(current)
        return self._before.pop()

    def redo(self, current: S) -> S | None:
        """The state that was undone last, or None."""
        if not self._after:
            return None
        self._before.append(current)
        return self._after.pop()
