"""What a test shows a person: pictures in light and in dark, taken when they are asked for.

`make pictures` sets $PICTURES. Without it the theme stays and no picture is taken: a change
of theme and back takes longer than most of what is tested between two pictures.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import RESULTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.browser.notebook_page import NotebookPage

WANTED = bool(os.environ.get("PICTURES"))
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def look(
    notebook: NotebookPage,
    shown: Locator,
    name: str,
    before: Callable[[], object] = lambda: None,
) -> None:
    """`shown` is accessible; with $PICTURES in each theme, each time with its picture.

    `before` is done again before each picture: what a change of theme undoes, such as hovering.
    The page is light at the end where the theme was changed.
    """
    if not WANTED:
        before()
        assert violations(notebook.page, shown) == []
        return
    RESULTS.mkdir(exist_ok=True)
    for theme in THEMES:
        wear(notebook, shown, theme)
        before()
        shown.screenshot(path=RESULTS / f"{name}-{theme}.png")
        assert violations(notebook.page, shown) == [], f"in {theme}"
    notebook.set_theme(THEMES["light"])


def wear(notebook: NotebookPage, shown: Locator, theme: str) -> None:
    """Change the page's theme, and wait until the widget around `shown` has followed."""
    notebook.set_theme(THEMES[theme])
    holder = shown.locator("xpath=(ancestor-or-self::*|descendant::*)[@data-mw-theme]")
    expect(holder.first).to_have_attribute("data-mw-theme", theme)
