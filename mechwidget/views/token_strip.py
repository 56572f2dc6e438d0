"""The token strip: the prompt as the model sees it, and what is measured, as a view of its own.

    mw.TokenStrip(session)

In flows a session; out flow changed prompts (also prompt B and the reference), a metric whose
tokens were searched for in the vocabulary, and selected positions.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import metric_html, prompts_html


class TokenStrip(SessionView):
    """The prompt of a session token by token, and its metric.

    Linked to every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "token-strip"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [prompts_html(state), metric_html(state)]
