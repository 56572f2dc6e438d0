"""The table of the neurons view: a row per neuron, the top of each layer.

In: a session and a choice. Out: a table, once the numbers are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mechwidget.analysis.neuron_table import ORDERS, Order
from mechwidget.errors import MechwidgetError
from mechwidget.interventions.fields import integer
from mechwidget.views.deferred import Then
from mechwidget.views.neuron_ranking import ranking_of
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from mechwidget.analysis import NeuronRanking
    from mechwidget.session import Session


def neurons_table(
    session: Session, *, order: Order = "anywhere", position: int | None = None, k: int = 16
) -> Then[Table]:
    """Layers, neurons, where each was looked at, activations before and after, direct effects.

    Args:
        session: whose.
        order: "here", "anywhere", "change" or "effect", as in `analysis.rank_neurons`.
        position: where to look; None is the last position for "here", else everywhere.
        k: how many of each layer.
    """
    state = session.now().state
    k = integer(k, "k")
    if order not in ORDERS:
        raise MechwidgetError(f"order is {order!r}; expected {', '.join(ORDERS)}.")
    last = len(state.tokens) - 1
    if order == "here" and position is None:
        position = last
    if position is not None and not 0 <= integer(position, "position") <= last:
        raise MechwidgetError(f"There is no token {position}: the prompt has 0 to {last}.")

    def table(found: NeuronRanking) -> Table:
        row, column = np.nonzero(found.index >= 0)
        at = found.position[row, column]
        texts = state.tokens.texts
        effect = "no direct effects" if found.reason else "direct effect on the metric, in logits"
        about = {"effect": f"{effect} {found.reason}".strip(), "note": found.note}
        return Table(
            {
                "layer": [found.layers[each] for each in row],
                "neuron": found.index[row, column].tolist(),
                "position": at.tolist(),
                "token": [texts[each] if each < len(texts) else None for each in at],
                "before": found.before[row, column].tolist(),
                "after": found.after[row, column].tolist(),
                "effect_before": found.effect_before[row, column].tolist(),
                "effect_after": found.effect[row, column].tolist(),
            },
            {key: value for key, value in about.items() if value},
        )

    return Then(ranking_of(session, order, position, k), table)
