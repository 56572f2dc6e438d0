"""What a page may do about a run: stop it, and have it once more.

In flow requests; out flow changes of what is computed, never of what was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mechwidget.session import Session
    from mechwidget.wire import Arguments, Channel, Request


class Running:
    """The ops about the runs of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.cancel_run, self.run_again):
            channel.on(op.__name__, op)

    def cancel_run(self, args: Arguments, _: Request) -> None:
        """Stop the run that is under way."""
        args.only()
        self._session.cancel()

    def run_again(self, args: Arguments, _: Request) -> None:
        """Run what was cancelled or failed once more."""
        args.only()
        self._session.run_again()
