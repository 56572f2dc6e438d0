"""What a session hands to whoever draws it: a coherent picture, and what is selected.

Both are immutable values; nothing in them changes while a view reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mechwidget.interventions import Component
    from mechwidget.session.numbers import Standing
    from mechwidget.session.state import State


@dataclass(frozen=True)
class Selection:
    """What was selected last, in any view: a component, a token position, both or neither."""

    component: Component | None = None
    position: int | None = None


@dataclass(frozen=True)
class Snapshot:
    """One coherent picture of a session.

    Attributes:
        revision: grows with every change of prompt, interventions and metric.
        state: what was asked for.
        standing: the numbers for it, or for an older revision while it is computed.
        scores: another number whenever other scores can colour the head map.
    """

    revision: int
    state: State
    standing: Standing
    can_undo: bool
    can_redo: bool
    scores: int = 0

    @property
    def computing(self) -> bool:
        """Whether the numbers for `state`, or the reason why there are none, are still to come."""
        return self.standing.wanted != self.revision or not self.standing.settled
