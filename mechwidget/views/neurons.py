"""The neurons: which of them fire on which token, and what they say, as a view of its own.

    mw.NeuronsView(session)

In flows a session; out flow interventions on what was clicked.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import interventions_html, neurons_html, prompt_html


class NeuronsView(SessionView):
    """The neurons that stand out on a prompt: click one to ablate, scale or clamp it.

    Linked to every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "neurons"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [
            prompt_html(state["tokens"]),
            interventions_html(state["interventions"], state["groups"]),
            neurons_html(state),
        ]
