"""What a page copies as a table: the same that `view.to_dataframe()` gives.

In flow the name of a view and its options; out flow columns, once the session has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError
from mechwidget.views.deferred import Then
from mechwidget.views.table import Table
from mechwidget.views.tables import table_of
from mechwidget.wire.plain_json import plain

if TYPE_CHECKING:
    from mechwidget.session import Session
    from mechwidget.wire import Arguments, Channel, Request

MOST_VALUES = 180_000


class Tables:
    """The op that gives the tables of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call it."""
        channel.on("table", self.table)

    def table(self, args: Arguments, _: Request) -> dict[str, Any] | Then[dict[str, Any]]:
        """Names and values of the columns."""
        args.only("view", "options")
        view, options = args.text("view", 40), dict(args.mapping("options"))
        found = table_of(self._session, view, options)
        return _columns(found) if isinstance(found, Table) else Then(found, _columns)


def _columns(table: Table) -> dict[str, Any]:
    if len(table) * len(table.columns) > MOST_VALUES:
        raise MechwidgetError(
            f"The table has {len(table):,} rows of {len(table.columns)} values; a page takes "
            f"{MOST_VALUES:,} values.",
            "In Python, view.to_dataframe() gives all of them.",
        )
    return {
        "names": list(table.columns),
        "columns": [plain(list(values)) for values in table.columns.values()],
    }
