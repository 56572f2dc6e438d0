"""What a page may change of a session, and how each wish is checked.

In flow the arguments of a request, in form JSON and otherwise anything; out flow changes of the
session, answered at once with its revision. Every handler is quick and thread-safe: a notebook
calls it on whichever thread it likes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.analysis import metric_from_json
from mechwidget.interventions import component_from_json
from mechwidget.interventions.fields import finite_number
from mechwidget.session.state import with_id
from mechwidget.session.strength import with_strength
from mechwidget.views.armed import armed, with_directions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mechwidget.interventions import Component, Intervention
    from mechwidget.session import Session
    from mechwidget.views.deferred import ThenChange
    from mechwidget.wire import Arguments, Channel, Request

Revision = dict[str, int]

_LONGEST_PAGE_NAME = 64
_LARGEST_ID = 2**53 - 1  # of the whole numbers that JavaScript has


class Changes:
    """The ops that change one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (
            self.toggle,
            self.apply,
            self.replace,
            self.set_other_prompt,
            self.set_enabled,
            self.remove,
            self.clear,
            self.undo,
            self.redo,
            self.set_prompt,
            self.set_metric,
            self.select,
        ):
            channel.on(op.__name__, op)

    def toggle(self, args: Arguments, _: Request) -> Revision:
        """Zero-ablate a component, or restore it."""
        self._session.toggle(_component(args.only("component")))
        return self._revision()

    def apply(self, args: Arguments, _: Request) -> Revision | ThenChange[Revision]:
        """Do any intervention, or take it away where it is listed already.

        The direction of a steer is found first, which may take a run of the model.
        """
        spec = args.only("intervention").mapping("intervention")
        return with_directions(self._session, [spec], lambda specs: self._apply(specs[0]))

    def replace(self, args: Arguments, _: Request) -> Revision:
        """Give a listed intervention another strength; what one drag did is undone at once."""
        args.only("id", "strength", "drag")
        old = self._meant(args)
        new = with_strength(old, finite_number(args["strength"], "The strength"))
        drag = (args.integer("id", 0, _LARGEST_ID), args.integer("drag", 0, _LARGEST_ID))
        self._session.replace(old, new, drag)
        return self._revision()

    def set_other_prompt(self, args: Arguments, _: Request) -> Revision:
        """Put a prompt B beside the prompt; null takes it away."""
        other = None if args.only("prompt").get("prompt") is None else args.text("prompt")
        self._session.other_prompt = other
        return self._revision()

    def set_enabled(self, args: Arguments, _: Request) -> Revision:
        """Switch a listed intervention on or off."""
        args.only("id", "enabled")
        switch = self._session.enable if args.boolean("enabled") else self._session.disable
        switch(self._meant(args))
        return self._revision()

    def remove(self, args: Arguments, _: Request) -> Revision:
        """Take a listed intervention off the list."""
        self._session.remove(self._meant(args.only("id")))
        return self._revision()

    def clear(self, args: Arguments, _: Request) -> Revision:
        """Take every intervention off the list."""
        args.only()
        self._session.clear()
        return self._revision()

    def undo(self, args: Arguments, _: Request) -> Revision:
        """Go back one change."""
        args.only()
        self._session.undo()
        return self._revision()

    def redo(self, args: Arguments, _: Request) -> Revision:
        """Go forward one undone change."""
        args.only()
        self._session.redo()
        return self._revision()

    def set_prompt(self, args: Arguments, _: Request) -> Revision:
        """Put another text in the place of the prompt."""
        self._session.prompt = args.only("prompt").text("prompt")
        return self._revision()

    def set_metric(self, args: Arguments, _: Request) -> Revision:
        """Measure something else; no arguments at all mean nothing.

        Without a position it is measured where the prompt has a blank to fill in, else at the end.
        """
        metric, state = dict(args), self._session.now().state
        blank = state.blank != len(state.tokens) - 1
        if blank and metric.get("type") in ("logit_diff", "logit", "probability"):
            metric.setdefault("position", state.blank)
        self._session.metric = metric_from_json(metric or None)
        return self._revision()

    def select(self, args: Arguments, _: Request) -> None:
        """Tell Python, and by it the other pages, what is selected on the page `by`."""
        args.only("component", "position", "by")
        component = None if args.get("component") is None else _component(args)
        position = None
        if args.get("position") is not None:
            last = len(self._session.now().state.tokens) - 1
            position = args.integer("position", 0, last)
        by = args.text("by", _LONGEST_PAGE_NAME) if "by" in args else ""
        self._session.select(component, position, by=by)

    def _apply(self, spec: Mapping[str, Any]) -> Revision:
        self._session.toggle(armed(spec, self._session.now().state))
        return self._revision()

    def _meant(self, args: Arguments) -> Intervention:
        # By id and not by place: the list may have changed since the page drew it.
        return with_id(self._session.now().state, args.integer("id", 0, _LARGEST_ID))

    def _revision(self) -> Revision:
        # Another thread may have made a newer one by now; the page waits for this or a later.
        return {"revision": self._session.revision}


def _component(args: Arguments) -> Component:
    return component_from_json(args.mapping("component"))
