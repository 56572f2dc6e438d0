"""The attention view: heads side by side or one large, before, after and the difference.

    mw.AttentionView(session)

In flows a session; out flows nothing but what is looked at.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import interventions_html, pattern_html, prompts_html


class AttentionView(SessionView):
    """The attention of the head that any view of the session points at, or of many heads together.

    As a matrix or as arcs, raw or value-weighted (`mw.value_weighted`), without the edits, with
    them, or the difference. With an ablating tool a click on an edge knocks it out. Linked to
    every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "attention"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [
            prompts_html(state),
            interventions_html(state["interventions"], state["groups"]),
            pattern_html(state),
        ]
