"""The attention of one head in a still picture: a matrix, and its strongest edges in words.

In: patterns `[query][key]` before and after, and the tokens. Out: a fragment. Where there are too
many tokens for a matrix, each square is the largest of several.
"""

from __future__ import annotations

from collections.abc import Sequence

from mechwidget.still.colours import SHADES, shade
from mechwidget.still.words import percent, said, token

Matrix = Sequence[Sequence[float]]

_MOST = 48
_MOST_NAMED = 28
_SIDE = 14
_EDGES = 6
_LABEL = 12


def pattern(
    name: str, before: Matrix, after: Matrix | None, queries: Sequence[str], keys: Sequence[str]
) -> str:
    """The matrix of a head, twice where edits have changed it.

    Args:
        name: of the head, "1.2".
        before: `[query][key]` without edits.
        after: the same with them; None where there are none.
        queries: the tokens down the side.
        keys: those along the top.
    """
    changed = after is not None and after != before
    panels = [("before" if changed else "attention", before)]
    if changed and after is not None:
        panels.append(("after", after))
    drawn = "".join(_panel(name, when, matrix, queries, keys) for when, matrix in panels)
    last = panels[-1][1]
    return f'<h4>Head {said(name)}</h4><div class="pair">{drawn}</div>' + _edges(
        last, queries, keys
    )


def _panel(
    name: str, when: str, matrix: Matrix, queries: Sequence[str], keys: Sequence[str]
) -> str:
    factor = max(1, -(-max(len(matrix), len(keys)) // _MOST))
    small = _pooled(matrix, factor)
    named = factor == 1 and max(len(queries), len(keys)) <= _MOST_NAMED
    left = 12 + 6 * min(_LABEL, max(map(len, queries), default=0)) if named else 2
    top = 12 + 6 * min(_LABEL, max(map(len, keys), default=0)) if named else 2
    side = _SIDE if named else max(4, min(_SIDE, 320 // len(small)))
    wide, high = left + side * len(small[0]), top + side * len(small)
    labels = _labels(queries, keys, left, top, side) if named else ""
    each = "" if factor == 1 else f", each square the largest of {factor} by {factor}"
    words = f"{when}: a row per query, a column per key{each}"
    return (
        f"<figure><figcaption>{said(words)}</figcaption>"
        f'<svg role="img" aria-label="Attention of head {said(name)}, {said(words)}" '
        f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}">'
        f'<g transform="translate({left} {top}) scale({side})">'
        f'<path class="ground" d="M0 0h{len(small[0])}v{len(small)}h-{len(small[0])}z"/>'
        f"{_squares(small)}</g>{labels}</svg></figure>"
    )


def _squares(matrix: Matrix) -> str:
    paths = [""] * (SHADES + 1)
    for row, shares in enumerate(matrix):
        for column, share in enumerate(shares):
            paths[shade(share)] += f"M{column} {row}h1v1h-1z"
    return "".join(
        f'<path class="k k{nth}" d="{path}"/>' for nth, path in enumerate(paths) if nth and path
    )


def _labels(queries: Sequence[str], keys: Sequence[str], left: int, top: int, side: int) -> str:
    rows = "".join(
        f'<text x="{left - 4}" y="{top + side * nth + side - 4}" text-anchor="end">'
        f"{token(text, _LABEL)}</text>"
        for nth, text in enumerate(queries)
    )
    columns = "".join(
        f'<text transform="translate({left + side * nth + side - 4} {top - 4}) rotate(-90)">'
        f"{token(text, _LABEL)}</text>"
        for nth, text in enumerate(keys)
    )
    return rows + columns


def _edges(matrix: Matrix, queries: Sequence[str], keys: Sequence[str]) -> str:
    """The strongest edges that do not go to the first token, where everything rests."""
    edges = sorted(
        ((share, q, k) for q, row in enumerate(matrix) for k, share in enumerate(row) if k),
        reverse=True,
    )[:_EDGES]
    items = "".join(
        f"<li><code>{token(queries[q])}</code> at {q} → <code>{token(keys[k])}</code> at {k}: "
        f"{percent(share)}</li>"
        for share, q, k in edges
        if share >= 0.01
    )
    return f"<p>Strongest, the first token left out:</p><ul>{items}</ul>" if items else ""


def _pooled(matrix: Matrix, factor: int) -> Matrix:
    if factor == 1:
        return matrix
    return [
        [
            max(share for row in matrix[q : q + factor] for share in row[k : k + factor])
            for k in range(0, len(matrix[0]), factor)
        ]
        for q in range(0, len(matrix), factor)
    ]
