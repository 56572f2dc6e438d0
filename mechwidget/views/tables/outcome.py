"""The table of the outcome: a row for each of the top tokens, before and after the edits.

In: a session. Out: a table, once the newest state has its numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.errors import MechwidgetError
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from mechwidget.session import Session

_COLUMNS = {
    "id": "id",
    "token": "text",
    "probability_before": "before",
    "probability_after": "after",
    "logit_before": "logit_before",
    "logit_after": "logit_after",
    "rank_before": "rank_before",
    "rank_after": "rank_after",
}


def outcome_table(session: Session) -> Table:
    """Probabilities, logits and ranks (1 is the most likely) at the outcome's position.

    Raises:
        MechwidgetError: the numbers are not there (yet); or whatever prevented them.
    """
    standing = session.now().standing
    if standing.error is not None:
        raise standing.error
    if standing.computed is None:
        raise MechwidgetError("The numbers are still being computed.", "Ask again in a moment.")
    computed = standing.computed
    columns = {
        name: [getattr(change, field) for change in computed.outcome.top]
        for name, field in _COLUMNS.items()
    }
    about = {"position": str(computed.position), "kl_nats": repr(computed.outcome.kl)}
    bound = session.now().state.bound
    if bound is not None and computed.metric is not None:
        before, after = computed.metric
        about |= {"metric": bound.label, "unit": bound.unit}
        about |= {"metric_before": repr(before), "metric_after": repr(after)}
    return Table(columns, about)
