"""The weights: circuits of a head, composition between heads, norms, as a view of its own.

    mw.WeightsView(session)

In flows a session; out flows which heads a person looks at. No prompt is run for it.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import heads_html, prompt_html


class WeightsView(SessionView):
    """What can be said of a model's heads from their weights alone.

    Which tokens a head wants to attend to and which it then raises, how much of what one head
    writes another reads, how long their maps are, and which tokens lie near one another in the
    embedding. Linked to every other view of the session on the page: the head that is locked in
    one shows its circuits here, and an edge that is clicked here locks its heads.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "weights"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [
            prompt_html(state["tokens"]),
            heads_html(state["model"]["heads"], state["interventions"]),
        ]
