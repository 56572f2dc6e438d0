"""What a page asks about plugins: which views and metrics they bring, scripts, their own ops.

In flow the arguments of a request; out flow names, a script and a style (gzipped, in base64), and
whatever the op of a plugin answers.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from mechwidget.analysis import metric_kinds
from mechwidget.errors import MechwidgetError
from mechwidget.views.aside import aside
from mechwidget.views.bundle import packed
from mechwidget.views.deferred import Then
from mechwidget.views.plugin_scripts import find_plugin_view, plugin_views, text_of
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mechwidget.session import Session

Json = dict[str, Any]
Answer = tuple[Any, ...]

_LONGEST_NAME = 80


class Plugins:
    """The ops about plugins."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.plugin_views, self.plugin_view, self.ask_plugin, self.metric_menu):
            channel.on(op.__name__, op)

    def plugin_views(self, args: Arguments, _: Request) -> Future[Json]:
        """The views that bring a script: name and title of each."""
        args.only()

        def work() -> Json:
            found = plugin_views()
            return {"views": [{"name": n, "title": view.title} for n, view in found.items()]}

        return aside(work)

    def plugin_view(self, args: Arguments, _: Request) -> Future[Json]:
        """One of them: script and style, and a digest to know them by."""
        name = args.only("name").text("name", _LONGEST_NAME)

        def work() -> Json:
            view = find_plugin_view(name)
            gzip = packed(text_of(view, "script"), text_of(view, "style"))
            digest = hashlib.sha256(gzip.encode()).hexdigest()[:16]
            return {"title": view.title, "gzip": gzip, "digest": digest}

        return aside(work)

    def ask_plugin(self, args: Arguments, _: Request) -> Then[Answer] | Answer:
        """An op of a view of a plugin."""
        args.only("view", "op", "args")
        view = find_plugin_view(args.text("view", _LONGEST_NAME))
        op = args.text("op", _LONGEST_NAME)
        if op not in view.ops:
            known = ", ".join(map(str, view.ops)) or "none"
            raise MechwidgetError(f"The view {view.view!r} has no op {op!r}; it has {known}.")
        found = view.ops[op](self._session, dict(args.mapping("args")))
        return Then(found, _answer) if hasattr(found, "add_done_callback") else _answer(found)

    def metric_menu(self, args: Arguments, _: Request) -> Future[Json]:
        """The kinds of metrics, and what each has to be told."""
        args.only()
        return aside(lambda: {"metrics": [_kind(kind) for kind in metric_kinds()]})


def _kind(kind: Any) -> Json:
    parameters = [
        {"name": p.name, "title": p.title, "kind": p.kind, "default": p.default}
        for p in kind.parameters
    ]
    return {"type": kind.kind, "title": kind.title, "parameters": parameters}


def _answer(found: Any) -> Answer:
    """What an op returned, as JSON and frames."""
    if _is_array(found):
        return {}, encode(found)
    if isinstance(found, tuple) and any(map(_is_array, found)):
        return found[0], *(encode(each) for each in found[1:])
    return (found,)


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array__") and not isinstance(value, Frame)
