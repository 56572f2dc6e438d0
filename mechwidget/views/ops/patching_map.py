"""The patching map: what each stream at each position does when it comes from prompt B.

In flow the rows that a page shows. Out flows the effect on the metric by row and position, growing
while it goes on: part after part, so that clicks and other fetches go in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mechwidget.analysis import Alignment, PatchingGrid, patching_grid
from mechwidget.errors import MechwidgetError
from mechwidget.views.deferred import Then
from mechwidget.views.lens_rows import asked_rows, row_json
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.analysis import Metric
    from mechwidget.models import Site, Tokens
    from mechwidget.session import Session
    from mechwidget.session.state import State

_AT_ONCE = 32  # positions of one row, before others may go first

Answer = tuple[dict[str, Any], Frame]
Part = tuple[int, tuple[int, ...]]
Pair = tuple["Tokens", "Tokens", "Metric"]


class PatchingMap:
    """The op that patches every cell of a session's lens."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call it."""
        channel.on("patching_map", self.patching_map)

    def patching_map(self, args: Arguments, request: Request) -> Then[Answer]:
        """The effect of each patch on the metric, as [row, position]; nan is not known (yet)."""
        rows = asked_rows(self._session.model, args.only("sublayers", "every"))
        state = self._session.snapshot().state
        pair = _pair(state)
        alignment = _alignment(state, pair)
        here = [position for position, _ in alignment.pairs]
        parts: list[Part] = [
            (row, tuple(here[start : start + _AT_ONCE]))
            for row in range(len(rows))
            for start in range(0, len(here), _AT_ONCE)
        ]
        total = len(rows) * len(here)

        def told(found: Sequence[PatchingGrid]) -> None:
            done = sum(grid.done for grid in found)
            about, frame = self._answer(state, rows, parts, found)
            request.progress(done, total, "patching", [frame], about)

        questions = [
            (
                ("patching_map", rows[row], columns, *pair),
                self._patched(pair, rows[row], columns, alignment),
            )
            for row, columns in parts
        ]
        job = self._session.read_each(questions, lambda grid: 24 * grid.total, told)
        return Then(job, lambda found: self._answer(state, rows, parts, found))

    def _patched(
        self, pair: Pair, site: Site, columns: tuple[int, ...], alignment: Alignment
    ) -> Callable[[Callable[[], bool]], PatchingGrid]:
        a, b, metric = pair

        def work(cancelled: Callable[[], bool]) -> PatchingGrid:
            *_, grid = patching_grid(
                self._session.model,
                a,
                b,
                metric,
                site=site.name,
                layers=[site.layer or 0],
                columns=columns,
                alignment=alignment,
                cancelled=cancelled,
            )
            return grid

        return work

    @staticmethod
    def _answer(
        state: State, rows: Sequence[Site], parts: Sequence[Part], found: Sequence[PatchingGrid]
    ) -> Answer:
        effects = np.full((len(rows), len(state.tokens)), np.nan, dtype=np.float32)
        for (row, columns), grid in zip(parts, found, strict=False):
            effects[row, list(columns)] = grid.effect[0]
        bound, last = state.bound, found[-1] if found else None
        return {
            "rows": [row_json(site) for site in rows],
            "unit": "" if bound is None else bound.unit,
            "label": "" if bound is None else bound.label,
            "metric_a": None if last is None else last.metric_a,
            "metric_b": None if last is None else last.metric_b,
        }, encode(effects)


def _pair(state: State) -> Pair:
    """A, B and the metric.

    Raises:
        MechwidgetError: there is no prompt B, or no metric.
    """
    if state.other is None:
        raise MechwidgetError("There is no prompt B to patch from.", "Give one with “+ B”.")
    if state.metric is None:
        raise MechwidgetError("There is no metric to measure patches by.", "Choose an answer.")
    return state.tokens, state.other, state.metric


def _alignment(state: State, pair: Pair) -> Alignment:
    """The alignment that the page shows."""
    ids, others = pair[0].ids, pair[1].ids
    b_of_a = {here: there for here, there in state.alignment if here is not None}
    mapped = tuple(b_of_a.get(position) for position in range(len(ids)))
    differs = tuple(
        there is None or ids[here] != others[there] for here, there in enumerate(mapped)
    )
    by: Literal["position", "edits"] = "position" if len(ids) == len(others) else "edits"
    return Alignment(tuple(state.alignment), mapped, differs, by)
