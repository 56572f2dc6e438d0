"""The table of the attention view: a row per query and key of one head.

In: a session and a head. Out: a table, once its patterns are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mechwidget.errors import MechwidgetError
from mechwidget.interventions import Head
from mechwidget.session.patterns import sides_of
from mechwidget.views.deferred import Then
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mechwidget.session import Session
    from mechwidget.session.state import State


def attention_table(
    session: Session, *, layer: int | None = None, head: int | None = None, cross: bool = False
) -> Then[Table]:
    """Queries, keys and attention `before` and `after` the edits, as shares of 1.

    Pairs that a causal mask forbids are left out.

    Args:
        session: whose.
        layer: of the head; by default that of the head that is selected, else of the first.
        head: which of the layer.
        cross: its attention to the other stack.

    Raises:
        MechwidgetError: there is no such head.
    """
    address = _head(session, layer, head, cross=cross)
    model = session.model
    address.check(model)
    causal = not cross and model.stack_of(address.layer).attends == "backwards"

    def work(
        state: State, cancelled: Callable[[], bool]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        site = ("cross_pattern" if cross else "pattern", address.layer)
        runs = model.run_rows(state.tokens, [state.active], [site], [-1], cancelled=cancelled)
        before, after = (
            run.read[site][0, address.head].float().cpu().numpy()
            for run in (runs.baseline(0), runs[0])
        )
        return before, after

    def table(found: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]) -> Table:
        before, after = found
        queries, keys = sides_of(model, session.now().state.tokens, address.layer, cross=cross)
        seen = np.tri(before.shape[0], before.shape[1], dtype=bool) | (before != 0) | (after != 0)
        rows, columns = np.nonzero(seen if causal else np.ones_like(seen))
        return Table(
            {
                "query": rows.tolist(),
                "query_token": [queries.texts[row] for row in rows],
                "key": columns.tolist(),
                "key_token": [keys.texts[column] for column in columns],
                "before": before[rows, columns].tolist(),
                "after": after[rows, columns].tolist(),
            },
            {"head": f"{address.layer}.{address.head}", "unit": "share of a query's attention"},
        )

    key = ("attention table", address)
    return Then(session.read(key, work, lambda found: 2 * found[0].nbytes), table)


def _head(session: Session, layer: int | None, head: int | None, *, cross: bool) -> Head:
    if layer is not None:
        return Head(layer, 0 if head is None else head, cross=cross)
    if head is not None:
        raise MechwidgetError(f"Head {head} of which layer?", "Say layer= as well.")
    selected = session.selection.component
    if isinstance(selected, Head):
        return Head(selected.layer, selected.head, cross=cross)
    for each in range(session.model.n_layers):
        if session.model.n_heads(each, cross=cross):
            return Head(each, 0, cross=cross)
    raise MechwidgetError(f"{session.model.name} has no attention heads.")
