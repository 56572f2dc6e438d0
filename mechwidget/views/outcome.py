"""The outcome: what the edits did to metric and top tokens, as a view of its own.

    mw.Outcome(session)

In flows a session; out flow the answer and distractor of the metric, snapshots, and returns to what
was tried.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import outcome_html, prompt_html, snapshots_html


class Outcome(SessionView):
    """The metric and the most likely tokens of a session, before and after its interventions.

    The metric is drawn for every state that was tried; states can be kept as snapshots, restored
    and compared.

    Linked to every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "outcome"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        kept = snapshots_html(state["snapshots"])
        return [prompt_html(state["tokens"]), outcome_html(state), *kept]
