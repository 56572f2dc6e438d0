"""The state of a session as a script that reproduces its numbers.

In flow a hooked model and a state; out flows source code in one of the styles of `as_code`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.as_code import as_code

if TYPE_CHECKING:
    from mechwidget.models import HookedModel
    from mechwidget.session.state import State


def script_of(model: HookedModel, state: State, style: str) -> str:
    """The script; raises `InterventionError` where the style has no words for the state."""
    given = state.tokens.ids if state.prompt is None else state.prompt
    return as_code(model, given, state.active, state.metric, style, position=state.position)
