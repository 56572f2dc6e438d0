"""Without a kernel: a notebook as nbconvert writes it, in a Chromium that reaches nothing.

nbconvert shows the still picture where no widget state was saved, as JupyterLab saves notebooks;
with one it would fetch a widget manager. The pictures go into `test-results/still`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from mechwidget.recipes import loads, to_html
from tests.browser.axe import violations
from tests.browser.conftest import RESULTS
from tests.still.inert import EVIL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PICTURES = RESULTS / "still"
SETUP = """import mechwidget as mw
model = mw.load("microcosm")
session = mw.Session(model, "The capital of France is", mw.LogitDiff(" Paris", " Rome"))
session.other_prompt = "The capital of Italy is"
session.ablate(mw.Head(0, 2), mw.MLP(1))
session.rename(0, "previous token")
session.disable(1)
session.take_snapshot("without the previous-token head")
session.select(mw.Head(1, 1))
session.effects().result()"""
LONG = """long = mw.Session(model, " ".join(["lamp Tuesday seven Oslo bird clean Tom kite"] * 12))
long.ablate(mw.Head(0, 0))
long.effects().result()"""
HOSTILE = f"""session.rename(0, {EVIL[1][:60]!r})
session.snapshots and session.rename_snapshot("without the previous-token head", {EVIL[0][:50]!r})
saved = session.save("hostile")"""
VIEWS = (
    *("Workbench", "HeadMap", "AttentionView", "LensView", "NeuronsView", "Outcome"),
    *("Interventions", "Continuation", "TokenStrip"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the notebook, run in a kernel and written as HTML, and with the recipe."""
    folder = tmp_path_factory.mktemp("still")
    sources = [
        SETUP,
        *(f"mw.{name}(session)" for name in VIEWS),
        'session.save("recipe")',
        LONG,
        "mw.Workbench(long)",
        HOSTILE,
        "mw.Workbench(session)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=120, resources=resources, store_widget_state=False).execute()
    html, _ = HTMLExporter().from_notebook_node(notebook)
    (folder / "notebook.html").write_text(html)
    recipe = loads((folder / "recipe.mech.json").read_bytes())
    (folder / "recipe.html").write_text(to_html(recipe))
    hostile = loads((folder / "hostile.mech.json").read_bytes())
    (folder / "hostile.html").write_text(to_html(hostile))
    return folder


@contextmanager
def page_of(browser: Browser, file: Path, scheme: str) -> Iterator[tuple[Page, list[str]]]:
    """A page that can reach nothing, and what it shows in dialogs or asks for all the same."""
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": 1100, "height": 900}, offline=True
    )
    happened: list[str] = []
    page = context.new_page()
    page.on("dialog", lambda dialog: (happened.append(dialog.message), dialog.dismiss()))
    page.goto(file.as_uri(), wait_until="domcontentloaded")
    try:
        yield page, happened
    finally:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_converted_notebook_shows_every_view(browser: Browser, folder: Path, scheme: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with page_of(browser, folder / "notebook.html", scheme) as (page, happened):
        cards = page.locator(".mw-still")
        expect(cards).to_have_count(len(VIEWS) + 2)
        for nth, name in enumerate([*VIEWS, "long", "hostile"]):
            cards.nth(nth).screenshot(path=PICTURES / f"{name}-{scheme}.png")
        ground = cards.first.evaluate("el => getComputedStyle(el).backgroundColor")
        assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(17, 20, 24)")
        workbench = cards.first
        expect(workbench).to_contain_text("previous token: Zero head 0.2")
        expect(workbench).to_contain_text("logit difference ·Paris")
        expect(workbench.locator(".map td")).to_have_count(16)
        expect(workbench.locator(".map .off")).to_have_count(1)
        expect(workbench.locator("svg[role=img]").first).to_be_visible()
        expect(workbench).to_contain_text("Head 1.1")
        expect(cards.nth(3)).to_contain_text("after L3")
        wide = page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth + 1")
        assert wide
        for nth in (0, 3):
            cards.nth(nth).evaluate("el => el.toggleAttribute('data-looked-at', true)")
        assert violations(page, "[data-looked-at]") == []
        assert happened == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_recipe_is_a_page_of_its_own(browser: Browser, folder: Path, scheme: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with page_of(browser, folder / "recipe.html", scheme) as (page, happened):
        page.screenshot(path=PICTURES / f"recipe-{scheme}.png", full_page=True)
        expect(page.locator(".map td")).to_have_count(16)
        expect(page.locator("body")).to_contain_text("without the previous-token head")
        assert page.locator("script, link, img, iframe").count() == 0
        assert violations(page, "html") == []
        assert happened == []


def test_hostile_names_are_text_on_both_pages(browser: Browser, folder: Path) -> None:
    for name in ("notebook.html", "hostile.html"):
        with page_of(browser, folder / name, "light") as (page, happened):
            shown = page.locator(".mw-still").last
            expect(shown).to_contain_text("</svg><img src=x onerror=alert(1)>")
            expect(shown).to_contain_text("<script>alert(1)</script>")
            assert shown.locator("img, script").count() == 0
            assert happened == []
