"""Every view, in light and in dark, with a short prompt and a long one: accessible, and a picture.

The pictures go into a folder that a person can flip through (`test-results/gallery/index.html`).
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from mechwidget import views
from mechwidget.views.session_view import SessionView
from tests.browser.axe import violations
from tests.browser.conftest import RESULTS, SETUP
from tests.browser.pictures import THEMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook_page import NotebookPage

pytestmark = pytest.mark.browser

GALLERY = RESULTS / "gallery"
TIMEOUT_MS = 30_000
VIEWS = {
    made.view: name
    for name in views.__all__
    if isinstance(made := getattr(views, name), type) and issubclass(made, SessionView)
}
SESSION = f"""{SETUP}
short = "The capital of France is"
long = " ".join(["lamp Tuesday seven Oslo bird clean Tom kite"] * 14)
session = mw.Session(model, short, metric=mw.LogitDiff(" Paris", " Rome"))
session.other_prompt = "The capital of Italy is"
session.reference = ["The capital of Spain is", "The capital of Japan is"]
session.ablate(mw.Head(1, 2))"""


@pytest.mark.timeout(1200)
def test_every_view_is_accessible_and_has_its_picture(open_notebook: OpenNotebook) -> None:
    cells = [f"view = mw.{name}(session)\nview" for name in VIEWS.values()]
    notebook = open_notebook(SESSION, *cells)
    notebook.run_cell(0)
    notebook.page.set_viewport_size({"width": 1440, "height": 1200})
    GALLERY.mkdir(parents=True, exist_ok=True)
    wrong, pictures = [], []
    for theme in THEMES:
        notebook.set_theme(THEMES[theme])
        for index, view in enumerate(VIEWS, start=1):
            notebook.execute("session.prompt = short")
            notebook.run_cell(index)
            shown = root(notebook, view)
            for length in ("short", "long"):
                notebook.execute(f"session.prompt = {length}; session.wait()")
                # Each pane is looked at in every way by itself; as a tab, once, and last: the page
                # opens the next workbench where this one was left.
                every_tab = (length, theme) == ("long", "dark")
                for tab in tabs_of(shown) if every_tab else ("",):
                    name = "-".join(filter(None, (view, tab, length, theme)))
                    settle(notebook, shown)
                    pictures.append(name)
                    shown.screenshot(path=GALLERY / f"{name}.png")
                    found = violations(notebook.page, shown)
                    wrong += [f"{name}: {line}" for line in found]
            notebook.execute("view.close()")
            notebook.clear_cell(index)
    write_index(pictures)
    assert wrong == []


def selector(view: str) -> str:
    return "[data-testid=mw-workbench]" if view == "workbench" else f"[data-testid=mw-view-{view}]"


def root(notebook: NotebookPage, view: str) -> Locator:
    shown = notebook.page.locator(selector(view))
    expect(shown).to_be_visible(timeout=TIMEOUT_MS)
    return shown


def tabs_of(shown: Locator) -> Iterator[str]:
    """Each tab in its turn, opened; one without a name where there are none."""
    tabs = shown.get_by_role("tab")
    if tabs.count() == 0:
        yield ""
        return
    for index in range(tabs.count()):
        tab = tabs.nth(index)
        tab.click()
        yield (tab.get_attribute("data-testid") or "").removeprefix("mw-tab-")


def settle(notebook: NotebookPage, shown: Locator) -> None:
    """What is drawn is of the newest state, and nothing says any more that it is on its way."""
    revision = notebook.python("session.revision")
    expect(shown).to_have_attribute("data-mw-outcome-revision", str(revision), timeout=TIMEOUT_MS)
    expect(shown.locator("[data-waiting]")).to_have_count(0, timeout=TIMEOUT_MS)
    expect(shown.locator("[aria-busy=true]")).to_have_count(0, timeout=TIMEOUT_MS)


def write_index(names: list[str]) -> None:
    figures = "\n".join(
        f'<figure><img src="{html.escape(name)}.png" alt="{html.escape(name)}">'
        f"<figcaption>{html.escape(name)}</figcaption></figure>"
        for name in names
    )
    page = f"<!doctype html><meta charset=utf-8><title>Every view</title>\n{figures}\n"
    (GALLERY / "index.html").write_text(page)
