"""The workbench: one widget with the prompt, the heads, the attention and the outcome of a session.

    mw.Workbench(session)

In flows a session; out flow its clicks. It is made of the same panes as the views that stand alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets import Dict

from mechwidget.views.bundle import LOADER, SCRIPT, STYLE, front_end, front_end_json, is_hot
from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import (
    effects_html,
    interventions_html,
    outcome_html,
    pattern_html,
    prompts_html,
    snapshots_html,
)
from mechwidget.views.tables import finished, table_of

if TYPE_CHECKING:
    import pandas as pd

    from mechwidget.views.table import Table

if TYPE_CHECKING:
    from mechwidget.session import Session


class Workbench(SessionView):
    """A session on screen: click a head and it is ablated, click again and it is back.

    Several workbenches of one session show the same. Close it, or use it in a `with` block, when
    it is no longer needed: a widget that is open is kept alive by the notebook.

    Attributes:
        state: what the page shows now, as JSON.
    """

    view = "workbench"

    # Under hot reload it is the front end itself that is watched.
    _esm = front_end(SCRIPT if is_hot() else LOADER)
    _css = front_end(STYLE) if is_hot() else ""
    _carried = Dict().tag(sync=True)

    def __init__(self, session: Session) -> None:
        self._carried = {} if is_hot() else front_end_json()
        super().__init__(session)

    def table(self, view: str = "outcome", **options: Any) -> Table:
        """What one of its panes shows, by the name of that view ("head-map", "neurons" …)."""
        self.session.wait()
        return finished(table_of(self.session, view, options))

    def to_dataframe(self, view: str = "outcome", **options: Any) -> pd.DataFrame:
        """The same as a pandas DataFrame; units are in its `attrs`."""
        return self.table(view, **options).to_dataframe()

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [
            prompts_html(state),
            interventions_html(state["interventions"], state["groups"]),
            outcome_html(state),
            effects_html(state),
            pattern_html(state),
            *snapshots_html(state["snapshots"]),
        ]
