"""What a page may do to the order, the names and the groups of the interventions.

In flow the ids of entries and groups, as the page drew them; out flow changes of the session,
answered at once with its revision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.errors import ProtocolError
from mechwidget.interventions.fields import finite_number
from mechwidget.session.grouping import LONGEST_NAME, group_with_id
from mechwidget.session.state import with_id

if TYPE_CHECKING:
    from mechwidget.interventions import Intervention
    from mechwidget.session import Session
    from mechwidget.wire import Arguments, Channel, Request

Revision = dict[str, int]

_LARGEST_ID = 2**53 - 1
_MOST = 10_000


class Arrange:
    """The ops that arrange the interventions of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (
            self.move,
            self.rename,
            self.group,
            self.ungroup,
            self.set_group_enabled,
            self.remove_group,
            self.scale_group,
        ):
            channel.on(op.__name__, op)

    def move(self, args: Arguments, _: Request) -> Revision:
        """Put an entry or a group at another place in the list."""
        args.only("id", "group", "to")
        self._session.move(self._which(args), args.integer("to", 0, _MOST))
        return self._revision()

    def rename(self, args: Arguments, _: Request) -> Revision:
        """Name an entry or a group; an empty name gives an entry its sentence back."""
        args.only("id", "group", "name")
        self._session.rename(self._which(args), args.text("name", 10 * LONGEST_NAME).strip())
        return self._revision()

    def group(self, args: Arguments, _: Request) -> Revision:
        """Make a group of some entries; without a name it gets one."""
        args.only("ids", "name")
        ids, state = args["ids"], self._session.now().state
        if not isinstance(ids, list) or not 0 < len(ids) <= _MOST:
            raise ProtocolError("'ids' has to be a list of ids of what is listed")
        members = [with_id(state, id_) for id_ in ids]
        name = args.text("name", 10 * LONGEST_NAME) if "name" in args else None
        self._session.group(*members, name=name)
        return self._revision()

    def ungroup(self, args: Arguments, _: Request) -> Revision:
        """Leave the members of a group on their own."""
        self._session.ungroup(self._named(args.only("group")))
        return self._revision()

    def set_group_enabled(self, args: Arguments, _: Request) -> Revision:
        """Switch all of a group on or off."""
        args.only("group", "enabled")
        switch = self._session.enable if args.boolean("enabled") else self._session.disable
        switch(self._named(args))
        return self._revision()

    def remove_group(self, args: Arguments, _: Request) -> Revision:
        """Take all of a group off the list."""
        self._session.remove(self._named(args.only("group")))
        return self._revision()

    def scale_group(self, args: Arguments, _: Request) -> Revision:
        """Do a share of what a group does; what one drag did is undone at once."""
        args.only("group", "strength", "drag")
        strength = finite_number(args["strength"], "The strength")
        drag = (
            "group",
            args.integer("group", 0, _LARGEST_ID),
            args.integer("drag", 0, _LARGEST_ID),
        )
        self._session.scale_group(self._named(args), strength, drag)
        return self._revision()

    def _which(self, args: Arguments) -> Intervention | str:
        if "group" in args:
            return self._named(args)
        return with_id(self._session.now().state, args.integer("id", 0, _LARGEST_ID))

    def _named(self, args: Arguments) -> str:
        return group_with_id(self._session.now().state, args.integer("group", 0, _LARGEST_ID))

    def _revision(self) -> Revision:
        return {"revision": self._session.revision}
