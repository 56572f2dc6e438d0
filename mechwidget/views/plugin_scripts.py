"""The views that bring a script: which there are, and their scripts and styles.

In: names. Out: classes (see `plugin_view`), those of installed packages and those that a person
has made in a cell; and text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mechwidget.errors import MechwidgetError
from mechwidget.plugin_api import GROUPS, REGISTRY

if TYPE_CHECKING:
    from mechwidget.views.plugin_view import PluginView

GROUP = "views"
_IN_CELLS: dict[str, type[PluginView]] = {}


def made_in_cell(view: type[PluginView]) -> None:
    """Know a view that no package has declared."""
    _IN_CELLS[str(getattr(view, "view", ""))] = view


def plugin_views() -> dict[str, type[PluginView]]:
    """Every view with a script of its own that works, by its name; loads those of packages."""
    there = {name: part for name, part in REGISTRY.parts(GROUP).items() if hasattr(part, "script")}
    judge = GROUPS[GROUP].fault
    made = {name: part for name, part in _IN_CELLS.items() if not judge(name, part)}
    return {**made, **there}


def find_plugin_view(name: str) -> type[PluginView]:
    """The view of that name; `MechwidgetError` that says why there is none."""
    part: type[PluginView] | None = REGISTRY.part(GROUP, name) or _IN_CELLS.get(name)
    if part is not None and hasattr(part, "script"):
        return part
    record = REGISTRY.record(GROUP, name)
    why = f"{record.origin} has it, but {record.reason}." if record and record.reason else ""
    raise MechwidgetError(f"There is no view {name[:60]!r} with a script of its own.", why)


def text_of(view: type[PluginView], what: str) -> str:
    """The "script" or the "style" of a view, read anew.

    Raises:
        MechwidgetError: the file cannot be read.
    """
    given: str | Path = getattr(view, what)
    if not isinstance(given, Path):
        return given
    try:
        return given.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise MechwidgetError(f"The {what} of {view.__name__} cannot be read: {error}.") from error
