"""Attribution: what every part wrote to the metric, and what taking it away really does.

    mw.AttributionView(session)

In flows a session; out flow interventions on what was clicked.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import interventions_html, prompt_html


class AttributionView(SessionView):
    """Direct logit attribution as a waterfall or a ranking, with gradients and exact effects.

    Linked to every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "attribution"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [prompt_html(state["tokens"]), interventions_html(state["interventions"])]
