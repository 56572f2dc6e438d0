"""`mw.plugins()`: every plugin that was found, which of them work, and what is wrong with the rest.

In: health records. Out: the same as a table for a terminal, as one for a notebook, and as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any, overload

from mechwidget.plugin_api.registry import REGISTRY
from mechwidget.plugin_api.version import API_VERSION

if TYPE_CHECKING:
    from mechwidget.plugin_api.health import Health

_COLUMNS = ("group", "name", "from", "state", "")


class PluginReport(Sequence["Health"]):
    """Health records, and a table of them. Indexing gives a record."""

    def __init__(self, records: Sequence[Health]) -> None:
        self._records = tuple(records)

    @overload
    def __getitem__(self, index: int) -> Health: ...
    @overload
    def __getitem__(self, index: slice) -> PluginReport: ...
    def __getitem__(self, index: int | slice) -> Health | PluginReport:
        found = self._records[index]
        return PluginReport(found) if isinstance(found, tuple) else found

    def __len__(self) -> int:
        return len(self._records)

    @property
    def broken(self) -> tuple[Health, ...]:
        """Those that somebody has to mend."""
        return tuple(each for each in self._records if each.broken)

    def of_others(self) -> PluginReport:
        """Without mechwidget's own parts."""
        return PluginReport([each for each in self._records if not each.own])

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"api": API_VERSION, "plugins": [each.to_json() for each in self._records]}

    def __repr__(self) -> str:
        if not self._records:
            return "no plugins"
        rows = [_COLUMNS, *map(_row, self._records)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if not self._records:
            return "<p>no plugins</p>"
        head = "".join(f"<th>{title}</th>" for title in _COLUMNS)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _row(each))}</tr>"
            for each in self._records
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(each: Health) -> tuple[str, ...]:
    return (each.group, each.name, each.origin, each.state, " ".join(each.reason.split()))


def plugins(*, own: bool = False, load: bool = True) -> PluginReport:
    """What is installed for mechwidget, which of it works, and what is wrong with the rest.

    Args:
        own: mechwidget's own parts as well, which come in by the same door.
        load: import every one of them, to see whether it works; else what is known so far.
    """
    REGISTRY.look_again()
    report = PluginReport(REGISTRY.health(load=load))
    return report if own else report.of_others()
