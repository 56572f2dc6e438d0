"""A plain table in a still picture: the first rows of what a view shows in numbers.

In: named columns of plain values. Out: a fragment; what is left out is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.still.words import plain, said, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_ROWS, _MOST_COLUMNS = 12, 10


def rows(columns: Mapping[str, Sequence[Any]], caption: str = "", most: int = _MOST_ROWS) -> str:
    """The first rows as a table; nothing where there are none."""
    names = list(columns)[:_MOST_COLUMNS]
    n = len(columns[names[0]]) if names else 0
    if n == 0:
        return ""
    head = "".join(f"<th>{said(name.replace('_', ' '), 40)}</th>" for name in names)
    body = "".join(
        f"<tr>{''.join(_cell(columns[name][row]) for name in names)}</tr>"
        for row in range(min(n, most))
    )
    left = f"{caption} (the first {most} of {n} rows)" if n > most else caption
    title = f"<figcaption>{said(left)}</figcaption>" if left else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<figure>{title}{table}</figure>"


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return f"<td>{'' if value is None else 'yes' if value else 'no'}</td>"
    if isinstance(value, float):
        return f'<td class="number">{plain(value)}</td>'
    if isinstance(value, int):
        return f'<td class="number">{value}</td>'
    text = visible(value) if isinstance(value, str) else str(value)
    return f"<td>{said(text, 80)}</td>"
