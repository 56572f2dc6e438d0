"""A token chosen on the page: the metric that it makes together with what was measured before.

In flow a state, a side ("answer" or "distractor") and a token; out flows a metric. Where the token
is the other side's already, the two change places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.analysis import LogitDiff, Probability
from mechwidget.errors import TokenError

if TYPE_CHECKING:
    from mechwidget.models import HookedModel
    from mechwidget.session.state import State


def chosen(state: State, model: HookedModel, side: str, token: int) -> LogitDiff | Probability:
    """The metric with this token on that side: "answer" or "distractor".

    Raises:
        TokenError: a distractor, where there is no answer that it could stand against.
    """
    place = _place(state)
    answer, distractor = (*(() if state.bound is None else state.bound.tokens), None, None)[:2]
    if side == "answer":
        other = answer if token == distractor else distractor
        if other is None:
            return Probability(token_name(model, token), place)
        return LogitDiff(token_name(model, token), token_name(model, other), place)
    if answer is None or (answer == token and distractor is None):
        raise TokenError(
            "A distractor needs another token to stand against.", "Choose the answer first."
        )
    other = distractor if token == answer and distractor is not None else answer
    return LogitDiff(token_name(model, other), token_name(model, token), place)


def token_name(model: HookedModel, token: int) -> str | int:
    """The text of a token where that says which one is meant, as a person would write it."""
    text = model.token_text(token)
    try:
        return text if model.token_id(text) == token else token
    except TokenError:
        return token


def _place(state: State) -> int:
    position = getattr(state.metric, "position", None)
    if isinstance(position, int):
        return position
    return -1 if state.blank == len(state.tokens) - 1 else state.blank
