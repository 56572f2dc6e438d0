"""The head map: all heads and what they are parts of, coloured by any score, as a view of its own.

    mw.HeadMap(session)
    session.score_heads("my numbers", array)  # one more score to colour it by

In flows a session; out flow interventions on what was clicked or painted.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import effects_html, prompt_html


class HeadMap(SessionView):
    """All heads, attentions, MLPs and layers of a model, and the residual stream beside them.

    Click one and it is edited, click again and it is back; drag, and all that was crossed is. The
    colour is the effect of ablation or any other score (`mechwidget.analysis.map_scores`).

    Linked to every other view of the session on the page: what is hovered in one lights up in all.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "head-map"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [prompt_html(state["tokens"]), effects_html(state)]
