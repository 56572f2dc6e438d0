"""The table of the token strip: a row per token, and prompt B's token that stands under it.

In: a session. Out: a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.views.table import Table

if TYPE_CHECKING:
    from mechwidget.models import Tokens
    from mechwidget.session import Session


def tokens_table(session: Session) -> Table:
    """Positions, ids, texts and which are special; `other_*` are prompt B's, None for a gap."""
    state = session.now().state
    columns = _side(state.tokens, range(len(state.tokens)))
    if state.other is None:
        return Table(columns)
    here, there = zip(*state.alignment, strict=True)
    other = _side(state.other, there)
    return Table(
        _side(state.tokens, here) | {f"other_{name}": values for name, values in other.items()}
    )


def _side(tokens: Tokens, positions: Any) -> dict[str, list[Any]]:
    """The columns of one prompt, in this order; None is a row without a token."""

    def of(values: Any) -> list[Any]:
        return [None if position is None else values[position] for position in positions]

    return {
        "position": list(positions),
        "id": of(tokens.ids),
        "text": of(tokens.texts),
        "special": of(tokens.special),
    }
