"""The named directions of a session, as a page keeps and deletes them.

In flow the arguments of a request; out flow changes of the session. A direction is named by where
it comes from: its numbers never travel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.views.armed import direction_source
from mechwidget.views.deferred import ThenChange

if TYPE_CHECKING:
    from mechwidget.session import Session
    from mechwidget.session.directions import Direction
    from mechwidget.wire import Arguments, Channel, Request

Revision = dict[str, int]


class DirectionNames:
    """The ops that name directions of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.save_direction, self.delete_direction):
            channel.on(op.__name__, op)

    def save_direction(self, args: Arguments, _: Request) -> ThenChange[Revision]:
        """Keep the direction that a steer of this component would take, under a name."""
        args.only("name", "direction", "component")
        name = args.text("name", 200)
        found = self._session.find_direction(direction_source(args))

        def save(direction: Direction) -> Revision:
            self._session.directions.save(name, direction)
            return self._revision()

        return ThenChange(found, save)

    def delete_direction(self, args: Arguments, _: Request) -> Revision:
        """Forget a direction; what is steered along it stays."""
        self._session.directions.delete(args.only("name").text("name", 200))
        return self._revision()

    def _revision(self) -> Revision:
        return {"revision": self._session.revision}
