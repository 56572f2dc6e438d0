"""One neuron in depth: what it reads, what it writes, and where it is most active.

    session.corpus = "stories.txt"
    mw.NeuronView(session)

In flows a session; out flow interventions on the neuron, and its reference set.
"""

from __future__ import annotations

from typing import Any

from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import interventions_html, prompt_html


class NeuronView(SessionView):
    """One neuron, of an MLP or of an expert: its weights in tokens, its contexts, its tokens here.

    It shows the neuron that is locked or pointed at in any view of the session. Its most active
    contexts are looked up in `session.corpus`, in the background.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "neuron"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [prompt_html(state["tokens"]), interventions_html(state["interventions"])]
