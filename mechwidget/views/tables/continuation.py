"""The table of the continuation: a row per token written, without the edits and with them.

In: a session and how tokens are chosen. Out: a table, once the text is written.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from mechwidget.views.deferred import Then
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from mechwidget.models.window import When
    from mechwidget.session import Session
    from mechwidget.session.continuation import Continuation


def continuation_table(
    session: Session,
    *,
    max_new_tokens: int = 20,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    on: When = "both",
) -> Then[Table]:
    """Steps, tokens and their probabilities; None where a row has ended, or no edit is on.

    Args:
        session: whose.
        max_new_tokens: how many tokens at most.
        temperature: 0 takes the most likely token.
        top_p: the least probability that the tokens which are sampled from have together.
        seed: the same seed gives the same tokens.
        on: whether interventions act on "prompt" tokens, "generated" ones or "both".
    """

    def table(written: Continuation) -> Table:
        rows = list(zip_longest(written.baseline, written.edited or ()))
        columns: dict[str, list[Any]] = {"step": list(range(len(rows)))}
        for side, name in enumerate(("baseline", "edited")):
            tokens = [row[side] for row in rows]
            columns[f"{name}_id"] = [token and token.id for token in tokens]
            columns[name] = [token and token.text for token in tokens]
            columns[f"{name}_probability"] = [token and token.probability for token in tokens]
        about = {"ended": written.ended, "probability": "before temperature and top_p"}
        return Table(columns, {key: value for key, value in about.items() if value})

    return Then(
        session.continuation(max_new_tokens, temperature, top_p, seed, on=on),
        table,
    )
