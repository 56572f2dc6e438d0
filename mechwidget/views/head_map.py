"""The head map: layers by heads and MLPs, coloured by what they do, as a view of its own.

    mw.HeadMap(session)

In flows a session; out flow interventions on what was clicked.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import heads_html, prompt_html


class HeadMap(SessionView):
    """All heads and MLPs of a model: click one and it is edited, click again and it is back.

    Linked to every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "head-map"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [
            prompt_html(state["tokens"]),
            heads_html(state["model"]["heads"], state["interventions"]),
        ]
