'''A view with JavaScript of its own, which a plugin brings: in a cell, and as a tab.

    class Surprise(mw.PluginView):
        """How surprised the model is by each token."""

        view = "surprise"
        title = "Surprise"
        script = Path(__file__).parent / "surprise.js"
        ops = {"surprise": surprise_of}

In flow a session and what the page asks; out flow a script, a style and answers. `script` and
`style` are paths or the text itself, read when a page asks, so that an edit shows when the cell is
run again. The script is one ECMAScript module (no imports from a network: it may be shown without
one) whose default export is called once per place in which the view is shown:

    export default (el, context) => { … return { draw(scene) { … } }; }

`el` is an element of the view's own, already on the page. `context` has
    api       1, the number of this contract
    session   `state` (what `js/types.ts` calls SessionState; null at first), `ask(op, args)` for
              the view's own `ops` (a promise of `{result, frames}`; a frame has `shape` and
              `values`), `kernel(op, args)` for those of every view, `toggle(component)`,
              `apply(edit)` and `undo()`
    store     what is linked on the page: `value` (`hover`, `locked`, `token` …),
              `hover(component, token)`, `lock(component)`, `set(change)`
    use       `use(component)`: what a click on a component means with the tool that is armed
    theme     "light" or "dark"; colours are CSS variables such as `--mw-ink`, `--mw-muted`,
              `--mw-ground`, `--mw-raised`, `--mw-line`, `--mw-positive`, `--mw-negative`,
              `--mw-ablate`, `--mw-patch`, `--mw-steer`, `--mw-focus`
    signal    aborted when the view goes: hang listeners and timers on it
    invalidate()   asks for `draw` in the next frame
What it returns may be nothing, or have `draw(scene)`, called at most once per frame when anything
has changed: `scene` has `state`, `page` (the store's value), `theme`, `enabled` (may anything be
changed now), `stale` (the numbers are older than the edits) and `waiting`. The rules of `style`
reach the view and nothing else.

A function of `ops` is called with the session and the `args` of the page (JSON, unchecked). It
returns JSON, an array, `(JSON, array, …)`, or what `session.read(key, work, n_bytes)` gives, for
which the worker does `work(state, cancelled)`. A script or an op that raises is named in its pane;
every other view goes on.
'''

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mechwidget.errors import MechwidgetError
from mechwidget.plugin_api import REGISTRY
from mechwidget.views.plugin_scripts import made_in_cell
from mechwidget.views.session_view import SessionView
from mechwidget.views.snapshot_html import interventions_html, prompt_html

if TYPE_CHECKING:
    from mechwidget.session import Session

PREFIX = "plugin:"
"""Stands before the name of a view whose script the page does not have."""

_NAME = re.compile(r"[a-z][a-z0-9-]*")


class PluginView(SessionView):
    """What the view of a plugin inherits from; see this module for what its script gets.

    Attributes:
        title: what its tab in the workbench is called.
        script: the path or the text of one ECMAScript module.
        style: the path or the text of its CSS, if it has any.
        ops: what its script may ask, by name.
    """

    title: ClassVar[str]
    script: ClassVar[str | Path]
    style: ClassVar[str | Path] = ""
    ops: ClassVar[Mapping[str, Callable[[Session, Mapping[str, Any]], Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__ == "__main__":  # made in a cell: no package has declared it
            made_in_cell(cls)

    @classmethod
    def page_name(cls) -> str:
        """The name that says to the page that it has to ask for the script."""
        if reason := fault(getattr(cls, "view", ""), cls):
            raise MechwidgetError(f"{cls.__name__} cannot be shown: {reason}.")
        return f"{PREFIX}{cls.view}"

    @staticmethod
    def snapshot_parts(state: dict[str, Any]) -> list[str]:
        """What a page without a kernel shows."""
        return [prompt_html(state["tokens"]), interventions_html(state["interventions"])]

    def _parts(self, state: dict[str, Any]) -> list[str]:
        try:
            return self.snapshot_parts(state)
        except Exception as error:  # noqa: BLE001 - a plugin may fail in any way; the rest is shown
            said = REGISTRY.culprit(error) or f"{type(self).__name__} failed: {error}"
            return [f"<p>{escape(said)}</p>"]


def fault(name: str, part: object) -> str:
    """Why something is no view; empty where it is one."""
    if not isinstance(part, type) or not issubclass(part, SessionView):
        return "it is no subclass of mechwidget.PluginView"
    if getattr(part, "view", None) != name:
        return f"its view is {getattr(part, 'view', None)!r:.40}, and its entry point is {name!r}"
    if not issubclass(part, PluginView):
        own = part.__module__.startswith("mechwidget.")
        return "" if own else "it is no subclass of mechwidget.PluginView"
    if not _NAME.fullmatch(name):
        return f"{name!r:.60} is no name for a view: small letters, digits and -"
    if not isinstance(getattr(part, "title", None), str) or not part.title.strip():
        return "its title has to be text"
    for what in ("script", "style"):
        given = getattr(part, what, None)
        if isinstance(given, Path) and not given.is_file():
            return f"its {what}, {given.name}, is not there"
        if not isinstance(given, str | Path) or (what == "script" and not given):
            return f"its {what} has to be a path or text"
    return "" if isinstance(part.ops, Mapping) else "its ops have to be a mapping"
