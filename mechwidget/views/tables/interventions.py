"""The table of the interventions: a row for each that is listed, switched on or off.

In: a session. Out: a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.session.strength import strength_of
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from mechwidget.session import Session


def interventions_table(session: Session) -> Table:
    """What each does to what, where (None: at all positions), how strongly, whether it is on."""
    state = session.now().state
    listed = state.interventions
    targets = [each.target for each in listed]
    positions = [getattr(target, "positions", None) for target in targets]
    return Table(
        {
            "sentence": [each.sentence for each in listed],
            "type": [each.kind for each in listed],
            "mode": [getattr(each, "mode", None) for each in listed],
            "component": [None if target is None else str(target) for target in targets],
            "layer": [None if target is None else target.layer for target in targets],
            "positions": [None if at is None else tuple(at) for at in positions],
            "strength": [strength_of(each) for each in listed],
            "enabled": [each not in state.disabled for each in listed],
        }
    )
