"""The embedding: how text becomes the vectors that the first layer reads, as a view of its own.

    mw.EmbeddingView(session)

In flows a session; out flows which token is looked at.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import interventions_html, prompt_html


class EmbeddingView(SessionView):
    """From text to vectors: what each vector is made of, what is near it, and where it stands.

    Linked to every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "embedding"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [prompt_html(state["tokens"]), interventions_html(state["interventions"])]
