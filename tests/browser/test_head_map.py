"""The head map as a person uses it: paint, ask for the menu, choose a score, zoom, rank."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import RESULTS, SETUP
from tests.browser.pictures import look

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook_page import NotebookPage

pytestmark = pytest.mark.browser

TIMEOUT_MS = 30_000
HAS_A_NUMBER = re.compile(r"^Head 0\.0, 0\.\d\d")
SESSION = f"""{SETUP}
session = mw.Session(model, 'The capital of France is', metric=mw.LogitDiff(' Paris', ' Rome'))"""
SHOW = "view = mw.HeadMap(session)\nview"
LARGE = """import torch
from transformers import GPT2Config, GPT2LMHeadModel
torch.manual_seed(0)
config = GPT2Config(vocab_size=50, n_positions=16, n_embd=64, n_layer=80, n_head=64,
    initializer_range=0.6)
large = mw.Session(GPT2LMHeadModel(config).eval(), [5, 6, 7, 5, 6, 7, 5])
many = mw.HeadMap(large)
many"""


def root(notebook: NotebookPage, index: int = 0) -> Locator:
    return notebook.page.get_by_test_id("mw-view-head-map").nth(index)


def middle(cell: Locator) -> tuple[float, float]:
    box = cell.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def settle(shown: Locator) -> None:
    expect(shown.locator("[data-pending]")).to_have_count(0, timeout=TIMEOUT_MS)
    revision = shown.get_attribute("data-mw-revision") or ""
    expect(shown).to_have_attribute("data-mw-outcome-revision", revision, timeout=TIMEOUT_MS)


def test_paint_menu_score_and_numbers_of_ones_own(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SESSION, SHOW)
    notebook.page.set_viewport_size({"width": 1200, "height": 1000})
    for index in range(2):
        notebook.run_cell(index)
    shown, keyboard, mouse = root(notebook), notebook.page.keyboard, notebook.page.mouse
    cell = shown.get_by_test_id
    expect(cell("mw-cell-0-0")).to_be_visible(timeout=TIMEOUT_MS)
    expect(shown.locator("[data-kind=head][data-unknown]")).to_have_count(0, timeout=TIMEOUT_MS)
    expect(shown.locator("[data-kind=layer][data-unknown]")).to_have_count(0, timeout=TIMEOUT_MS)
    look(notebook, shown, "view-head-map-effect")

    # A drag edits what it crosses, in one step; given up with Esc it edits nothing.
    mouse.move(*middle(cell("mw-cell-1-0")))
    mouse.down()
    mouse.move(*middle(cell("mw-cell-1-3")), steps=3)
    expect(shown.locator("[data-painted]")).to_have_count(4)
    keyboard.press("Escape")
    mouse.up()
    expect(shown.locator("[data-painted]")).to_have_count(0)
    assert notebook.python("session.revision") == 0
    mouse.move(*middle(cell("mw-cell-1-0")))
    mouse.down()
    mouse.move(*middle(cell("mw-cell-1-2")), steps=2)
    mouse.up()
    expect(cell("mw-cell-1-1")).to_have_attribute("aria-pressed", "true")
    settle(shown)
    assert notebook.python("[i.sentence for i in session.interventions]") == [
        f"Zero head 1.{head}" for head in range(3)
    ]
    assert notebook.python("session.revision") == 1

    # The menu by keyboard: only this layer's MLP, then its Python name.
    cell("mw-mlp-2").focus()
    keyboard.press("Shift+F10")
    menu = shown.get_by_role("menu", name="MLP 2")
    expect(menu).to_be_visible()
    notebook.page.screenshot(path=RESULTS / "view-head-map-menu.png")
    assert violations(notebook.page, "[data-testid=mw-view-head-map]") == []
    keyboard.press("o")  # the first item with this letter: “Only this”
    expect(cell("mw-menu-only")).to_be_focused()
    keyboard.press("Enter")
    expect(menu).to_be_hidden()
    expect(cell("mw-mlp-2")).to_be_focused()
    expect(cell("mw-mlp-2")).to_have_attribute("aria-pressed", "true")
    settle(shown)
    assert notebook.python("[i.sentence for i in session.interventions]") == ["Zero MLP 2"]
    keyboard.press("Control+z")
    expect(cell("mw-cell-1-1")).to_have_attribute("aria-pressed", "true")
    settle(shown)

    # A score, of the run with the edits, and one of a person's own.
    choice = cell("mw-map-choice")
    choice.select_option("previous_token")
    expected = notebook.python(
        "float(session.scores('previous_token', edited=False).result().heads[2, 1])"
    )
    expect(cell("mw-cell-2-1")).to_have_text(f"{expected:.2f}", timeout=TIMEOUT_MS)
    cell("mw-map-after").click()
    expected = notebook.python(
        "float(session.scores('previous_token', edited=True).result().heads[2, 1])"
    )
    expect(cell("mw-cell-2-1")).to_have_text(f"{expected:.2f}", timeout=TIMEOUT_MS)
    look(notebook, shown, "view-head-map-score-with-edits")
    assert choice.locator("option[value=attribution_patching]").is_disabled()
    notebook.execute(
        "import numpy as np\n"
        "session.score_heads('mine <b>', np.linspace(-1, 1, 16).reshape(4, 4), unit='apples')"
    )
    expect(choice.locator("option[value='mine <b>']")).to_have_count(1, timeout=TIMEOUT_MS)
    choice.select_option("mine <b>")
    expect(cell("mw-cell-3-3")).to_have_text("+1.00", timeout=TIMEOUT_MS)
    expect(cell("mw-cell-0-0")).to_have_text("\N{MINUS SIGN}1.00")
    expect(shown.locator(".mw-legend-end").last).to_have_text("+1.00 apples")
    cell("mw-map-rank").click()
    expect(shown.locator(".mw-rank").first).to_contain_text("Head 0.0")
    assert violations(notebook.page, "[data-testid=mw-view-head-map]") == []
    look(notebook, shown, "view-head-map-ranked")


def test_80_layers_of_64_heads(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SESSION, LARGE)
    notebook.page.set_viewport_size({"width": 1200, "height": 1000})
    for index in range(2):
        notebook.run_cell(index)
    shown, keyboard = root(notebook), notebook.page.keyboard
    expect(shown.locator("canvas").first).to_be_visible(timeout=TIMEOUT_MS)
    settle(shown)
    shown.get_by_test_id("mw-map-choice").select_option("first_token")
    cursor = shown.locator(".mw-cursor")
    cursor.focus()
    expect(cursor).to_have_attribute("aria-label", HAS_A_NUMBER, timeout=TIMEOUT_MS)
    look(notebook, shown, "view-head-map-80x64")

    scroller = shown.locator(".mw-map-scroller")
    for _ in range(3):
        shown.get_by_test_id("mw-map-nearer").click()
    cursor.focus()
    keyboard.type("61.40")
    expect(cursor).to_have_attribute("data-testid", "mw-cell-61-40")
    seen = scroller.evaluate(
        """scroller => {
          const box = scroller.getBoundingClientRect();
          const cell = scroller.querySelector(".mw-cursor").getBoundingClientRect();
          return cell.left >= box.left - 1 && cell.right <= box.right + 1
            && cell.top >= box.top - 1 && cell.bottom <= box.bottom + 1;
        }"""
    )
    assert seen
    keyboard.press("Enter")
    expect(cursor).to_have_attribute("aria-pressed", "true")
    assert notebook.python("[i.sentence for i in large.interventions]") == ["Zero head 61.40"]
    look(notebook, shown, "view-head-map-80x64-near")
    assert violations(notebook.page, "[data-testid=mw-view-head-map]") == []
