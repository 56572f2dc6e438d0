"""What a page gets when it asks for the session as code.

In flows the name of a style; out flows a script, written on the worker's thread because some
styles look at the model first, or the reason why that style has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.as_code import STYLES
from mechwidget.session.script import script_of
from mechwidget.views.deferred import Then

if TYPE_CHECKING:
    from mechwidget.session import Session
    from mechwidget.wire import Arguments, Channel, Request


class Scripts:
    """The op that writes one session as code."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call it."""
        channel.on("code", self.code)

    def code(self, args: Arguments, _: Request) -> Then[dict[str, Any]]:
        """The experiment of now as a script."""
        style = args.only("style").choice("style", *STYLES)
        model = self._session.model
        # The same tokens may have been given as text or as ids, and are written as they were given.
        key = ("code", style, self._session.now().state.prompt)
        job = self._session.read(key, lambda state, _: script_of(model, state, style), len)
        return Then(job, lambda code: {"style": style, "code": code})
