"""What a page may do with snapshots and with what was tried.

In flow names and ids; out flow changes of the session, answered at once with its revision, and
comparisons of two snapshots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.session.snapshots import LONGEST_NAME
from mechwidget.views.session_state import token_change_json

if TYPE_CHECKING:
    from mechwidget.session import Session
    from mechwidget.wire import Arguments, Channel, Request

Revision = dict[str, int]

_LARGEST_ID = 2**53 - 1
_MOST_SENTENCES = 20


class Keep:
    """The ops about what one session keeps."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (
            self.take_snapshot,
            self.restore_snapshot,
            self.rename_snapshot,
            self.delete_snapshot,
            self.compare_snapshots,
            self.go_back,
        ):
            channel.on(op.__name__, op)

    def take_snapshot(self, args: Arguments, _: Request) -> Revision:
        """Keep the state of now, its numbers there or not; without a name it gets one."""
        name = self._name(args, "name") if "name" in args.only("name") else None
        self._session.take_snapshot(name, wait=False)
        return self._revision()

    def restore_snapshot(self, args: Arguments, _: Request) -> Revision:
        """Go back to a snapshot."""
        self._session.restore(self._name(args.only("name"), "name"))
        return self._revision()

    def rename_snapshot(self, args: Arguments, _: Request) -> Revision:
        """Give a snapshot another name."""
        args.only("name", "to")
        self._session.rename_snapshot(self._name(args, "name"), self._name(args, "to"))
        return self._revision()

    def delete_snapshot(self, args: Arguments, _: Request) -> Revision:
        """Forget a snapshot."""
        self._session.delete_snapshot(self._name(args.only("name"), "name"))
        return self._revision()

    def compare_snapshots(self, args: Arguments, _: Request) -> dict[str, Any]:
        """What lies between two snapshots."""
        args.only("one", "other")
        found = self._session.compare(self._name(args, "one"), self._name(args, "other"))
        return {
            "kl": found.outcome.kl,
            "metric": found.metric,
            "only_one": found.only_one[:_MOST_SENTENCES],
            "only_other": found.only_other[:_MOST_SENTENCES],
            "top": [token_change_json(change) for change in found.outcome.top],
        }

    def go_back(self, args: Arguments, _: Request) -> Revision:
        """Return to a state that was tried."""
        self._session.go_back(args.only("id").integer("id", 0, _LARGEST_ID))
        return self._revision()

    def _name(self, args: Arguments, which: str) -> str:
        return args.text(which, 10 * LONGEST_NAME)

    def _revision(self) -> Revision:
        return {"revision": self._session.revision}
