"""The attention view: one head's pattern before, after and the difference, as a view of its own.

    mw.AttentionView(session)

In flows a session; out flows nothing but what is looked at.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import heads_html, prompt_html


class AttentionView(SessionView):
    """The attention pattern of the head that any view of the session points at, or has locked.

    Linked to every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "attention"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [
            prompt_html(state["tokens"]),
            heads_html(state["model"]["heads"], state["interventions"]),
        ]
