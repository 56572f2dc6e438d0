"""The lens: what the residual stream says at every layer and position, as a view of its own.

    mw.LensView(session)

In flows a session; out flow patches of the stream, dragged from prompt B, and edits of what wrote
to it.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import lens_html, outcome_html, prompts_html


class LensView(SessionView):
    """The logit lens of the prompt, and of prompt B under it.

    Click a cell for its likeliest tokens and for what each component wrote there; drag a cell of B
    onto a cell of A to patch the stream. Linked to every other view of the session on the page.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "lens"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows: the prompt, and the last row in numbers."""
        return [prompts_html(state), lens_html(state), outcome_html(state)]
