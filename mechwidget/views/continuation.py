"""The continuation: what the model goes on to write, with the edits and without, as a view.

    mw.Continuation(session)

In flows a session; out flows nothing: it only writes.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import continuation_html, interventions_html, prompt_html


class Continuation(SessionView):
    """What follows the prompt, token by token, baseline and edited side by side.

    Greedy at first; the page sets temperature, top-p, seed and length, and whether it writes anew
    after every edit. `session.continuation()` gives the same to Python.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "continuation"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows: what there is to go on from."""
        return [
            prompt_html(state["tokens"]),
            interventions_html(state["interventions"], state["groups"]),
            continuation_html(state),
        ]
