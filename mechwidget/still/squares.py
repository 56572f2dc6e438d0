"""A map of many small squares as one SVG of few bytes: a path for each colour, runs joined.

In: the class of each square, row by row. Out: an SVG that scales, with its words as a label.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from mechwidget.still.words import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDEST, _HIGHEST, _SIDE = 640, 420, 12


def squares(
    classes: Sequence[Sequence[str]], marks: Iterable[tuple[int, int]], label: str, extra: str = ""
) -> str:
    """The map; `marks` are the (row, column) of squares that are struck through.

    Args:
        classes: of each square; "" leaves it out.
        marks: which are marked.
        label: what a screen reader says.
        extra: more SVG, in units of a square.
    """
    height, width = len(classes), max(map(len, classes), default=0)
    paths: defaultdict[str, str] = defaultdict(str)
    for row, cells in enumerate(classes):
        start = 0
        while start < len(cells):
            end = start + 1
            while end < len(cells) and cells[end] == cells[start]:
                end += 1
            if cells[start]:
                paths[cells[start]] += f"M{start} {row}h{end - start}v1h-{end - start}z"
            start = end
    drawn = "".join(f'<path class="{kind}" d="{path}"/>' for kind, path in sorted(paths.items()))
    struck = "".join(f"M{column} {row}l1 1" for row, column in marks)
    if struck:
        drawn += f'<path d="{struck}" stroke="var(--ablate)" stroke-width=".25" fill="none"/>'
    side = min(_SIDE, _WIDEST / max(1, width), _HIGHEST / max(1, height))
    return (
        f'<svg role="img" aria-label="{said(label)}" viewBox="0 0 {width} {height}"'
        f' width="{width * side:.0f}" height="{height * side:.0f}" shape-rendering="crispEdges">'
        f"{drawn}{extra}</svg>"
    )
