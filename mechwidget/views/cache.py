"""The cache: what the model remembers of the text, layer by layer, as a view of its own.

    mw.CacheView(session)

In flows a session; out flows which token and head are looked at.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import interventions_html, prompt_html


class CacheView(SessionView):
    """Keys and values as generation sees them: what is held, how large it is, what edits change.

    Linked to every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "cache"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [prompt_html(state["tokens"]), interventions_html(state["interventions"])]
