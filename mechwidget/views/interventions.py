"""The interventions: what is done to the model, as sentences with switches, as a view of its own.

    mw.Interventions(session)

In flows a session; out flow switches, strengths, order, names, groups, snapshots, undo and redo,
and on demand a script that reproduces the numbers.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import interventions_html, outcome_html


class Interventions(SessionView):
    """The interventions of a session, each a sentence with what it changed in the last run.

    Each has a switch, a strength where its kind has one, a name if a person gave it one, and a
    place in the order; several can be one group. The list is read as code in three styles.

    Linked to every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "interventions"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows: what is done, and what it does to the prediction."""
        return [interventions_html(state["interventions"], state["groups"]), outcome_html(state)]
