"""The map of heads of a still picture: a table of numbers while they can be read, else squares.

In: how many heads each layer has, a number for each where there are numbers, and which are ablated.
Out: a fragment, with the strongest heads in words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mechwidget.still.colours import level
from mechwidget.still.squares import squares
from mechwidget.still.words import said, signed

Head = tuple[int, int]
Values = Sequence[Sequence[float | None]]

_MOST_COLUMNS, _MOST_ROWS = 16, 24
_NAMED = 6


def head_map(heads: Sequence[int], off: set[Head], effects: Mapping[str, Any] | None = None) -> str:
    """Every head, those that are ablated struck out; empty where the model has none.

    Args:
        heads: of each layer.
        off: the (layer, head) that are ablated.
        effects: `values` `[layer][head]`, with their `label` and `unit`; None where unknown.
    """
    if not any(heads):
        return ""
    values: Values = [[None] * n for n in heads]
    label = "heads by layer"
    if effects is not None:
        given = [*effects["values"], *([] for _ in heads)]  # a file may have too few
        values = [
            [*row[:n], *[None] * (n - len(row))] for n, row in zip(heads, given, strict=False)
        ]
        label = f"{effects.get('label') or 'score'}, {effects.get('unit') or 'a number'}"
    struck = "; ablated heads are struck out" if off else ""
    caption = f"{said(label)}{struck}"
    small = max(heads) <= _MOST_COLUMNS and len(heads) <= _MOST_ROWS
    shown = _table(values, off, caption) if small else _picture(values, off, caption)
    return shown + _strongest(values)


def _table(values: Values, off: set[Head], caption: str) -> str:
    known = _largest(values) > 0
    columns = "".join(f"<th>{head}</th>" for head in range(max(map(len, values))))
    body = "".join(
        f"<tr><th>L{layer}</th>"
        + "".join(
            _cell(value, _largest(values), f"{layer}.{head}", known, (layer, head) in off)
            for head, value in enumerate(row)
        )
        + "</tr>"
        for layer, row in enumerate(values)
    )
    return (
        f'<figure><figcaption>{caption}</figcaption><table class="map"><thead><tr><th>head</th>'
        f"{columns}</tr></thead><tbody>{body}</tbody></table></figure>"
    )


def _cell(value: float | None, largest: float, name: str, known: bool, off: bool) -> str:
    text = signed(value) if known else name
    kind = level(value, largest) if known else "z"
    if off:
        return f'<td class="{kind} off"><s>{text}</s></td>'
    return f'<td class="{kind}">{text}</td>'


def _picture(values: Values, off: set[Head], caption: str) -> str:
    largest = _largest(values)
    marks = [(layer, head) for layer, head in sorted(off)]
    classes = [["z" if value is None else level(value, largest) for value in row] for row in values]
    size = f"{len(values)} layers from top to bottom, {max(map(len, values))} heads from left"
    picture = squares(classes, marks, f"{size}")
    return f"<figure><figcaption>{caption}; {size}</figcaption>{picture}</figure>"


def _strongest(values: Values) -> str:
    known = [
        (value, f"{layer}.{head}")
        for layer, row in enumerate(values)
        for head, value in enumerate(row)
        if value is not None and math.isfinite(value)
    ]
    largest = sorted(known, key=lambda each: -abs(each[0]))[:_NAMED]
    if not largest:
        return ""
    return f"<p>Largest: {', '.join(f'{name} ({signed(value)})' for value, name in largest)}.</p>"


def _largest(values: Values) -> float:
    return max(
        (abs(v) for row in values for v in row if v is not None and math.isfinite(v)), default=0.0
    )
