"""What a session hands to whoever draws it: a coherent picture, and what is selected.

Both are immutable values; nothing in them changes while a view reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mechwidget.interventions import Component
    from mechwidget.session.numbers import Standing
    from mechwidget.session.snapshots import Snapshots
    from mechwidget.session.state import State
    from mechwidget.session.tried import Trial


@dataclass(frozen=True)
class Selection:
    """What was selected last: a component, a token position, both or neither.

    Attributes:
        by: the page that it was selected on, which knows it already; empty where Python did it.
            No part of what two selections are compared by.
    """

    component: Component | None = None
    position: int | None = None
    by: str = field(default="", compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """`component` and `position`, each null where there is none."""
        component = None if self.component is None else self.component.to_json()
        return {"component": component, "position": self.position}


@dataclass(frozen=True)
class Now:
    """One coherent picture of a session.

    Attributes:
        revision: grows with every change of prompt, interventions and metric.
        state: what was asked for.
        standing: the numbers for it, or for an older revision while it is computed.
        before: the state that undo goes back to, `after`, the one that redo returns to.
        tried: the states that can be compared with this one, the newest last.
        trial: the id of the one of them that this state is; None while it has no numbers.
        snapshots: what is kept under a name.
        scores: another number whenever other scores can colour the head map.
    """

    revision: int
    state: State
    standing: Standing
    before: State | None
    after: State | None
    tried: tuple[Trial, ...]
    trial: int | None
    snapshots: Snapshots
    scores: int = 0

    @property
    def computing(self) -> bool:
        """Whether the numbers for `state`, or the reason why there are none, are still to come."""
        return self.standing.wanted != self.revision or not self.standing.settled
