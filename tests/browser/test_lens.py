"""The lens on the page: colours, a cell opened, the stream of B dragged onto A, what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import RESULTS, SETUP
from tests.browser.pictures import look
from tests.browser.workbench_page import WorkbenchPage

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser

A, B = "The capital of France is", "The capital of Italy is"
LONG = " ".join(["When Mary and John went to the store, John gave a drink to"] * 6)
SHOW = f"""session = mw.Session(model, {A!r}, metric=mw.LogitDiff(" Paris", " Rome"))
session.other_prompt = {B!r}
workbench = mw.Workbench(session)
workbench"""
DEEP = """import torch
from transformers import GPT2Config, GPT2LMHeadModel
torch.manual_seed(0)
config = GPT2Config(vocab_size=model.vocab_size, n_positions=512, n_embd=32, n_layer=80, n_head=4,
    initializer_range=0.3)
deep = mw.wrap(GPT2LMHeadModel(config).eval(), model.tokenizer, name="eighty layers")
"""
ALONE = f"alone = mw.LensView(mw.Session(deep, {LONG!r}))\nalone"
TIMEOUT_MS = 20_000


def cell(root: Locator, side: str, row: int, column: int) -> Locator:
    return root.locator(f"[data-testid=mw-lens-{side}] [data-word='{row}.{column}']")


def settled(root: Locator) -> None:
    """Everything that the window shows is there."""
    expect(root.locator(".mw-lens:not([data-waiting]) .mw-word").first).to_be_visible(
        timeout=TIMEOUT_MS
    )
    expect(root.locator(".mw-lens .mw-word[data-unknown]")).to_have_count(0, timeout=TIMEOUT_MS)


def drag(source: Locator, target: Locator) -> None:
    """Take one cell and hold it over another."""
    mouse = source.page.mouse
    source.hover()
    mouse.down()
    box = target.bounding_box()
    assert box
    mouse.move(box["x"] + 8, box["y"] + 30, steps=4)
    mouse.move(box["x"] + 20, box["y"] + 10, steps=4)


def test_the_stream_is_read_opened_and_patched(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, SHOW)
    notebook.page.set_viewport_size({"width": 1440, "height": 1200})
    notebook.run_cell(0)
    notebook.run_cell(1)
    workbench = WorkbenchPage(notebook)
    workbench.settle()
    root = workbench.root
    workbench.get("mw-tab-lens").click()
    settled(root)
    n = len(workbench.tokens)
    last, layers = n - 1, notebook.python("model.n_layers")

    # The last row says what the outcome says; the other measures are a choice away.
    final = cell(root, "a", layers, last)
    expect(final).to_contain_text("Paris")
    expect(cell(root, "b", layers, last)).to_contain_text("Rome")
    look(notebook, root, "view-lens-workbench")
    for measure in ("final_rank", "kl", "entropy", "logit_diff", "probability"):
        workbench.get("mw-lens-colour").select_option(measure)
        settled(root)
    workbench.get("mw-lens-depth").select_option("sublayers")
    expect(root.get_by_role("rowheader", name="0 attn").first).to_be_visible()
    settled(root)
    workbench.get("mw-lens-depth").select_option("layers")
    settled(root)

    # A cell opens, and what wrote it lights up on the map.
    final.click()
    part = workbench.get("mw-lens-cell").locator("[data-part^=head]").first
    expect(part).to_be_visible()
    part.hover()
    expect(root.locator(".mw-cell[data-lit]")).to_have_count(1)
    look(notebook, root, "view-lens-cell")

    # A cell of B is dragged onto A: the cone is drawn on the way, and stands with the patch.
    before = workbench.after
    position = n - 2
    source, target = cell(root, "b", 1, position), cell(root, "a", 1, position)
    drag(source, target)
    expect(root.locator("[data-testid=mw-lens-a] .mw-words-lines path")).to_have_count(2)
    expect(target).to_have_attribute("data-target", "")
    root.screenshot(path=RESULTS / "view-lens-drag.png")  # a change of theme would end it
    notebook.page.keyboard.press("Escape")
    notebook.page.mouse.up()
    expect(root.locator(".mw-words-lines path")).to_have_count(0)
    assert notebook.python("len(session.interventions)") == 0, "Esc lets go of it"
    drag(source, target)
    notebook.page.mouse.up()
    expect(workbench.get("mw-chip-0")).to_contain_text("Patch")
    workbench.settle()
    settled(root)
    assert workbench.after != before
    assert notebook.python("len(session.interventions)") == 1
    expect(target).to_have_attribute("data-tone", "patch")
    workbench.get("mw-lens-change").click()
    settled(root)
    expect(root.locator("[data-testid=mw-lens-a] .mw-word[data-changed]").first).to_be_visible()
    look(notebook, root, "view-lens-change")

    # P takes it back by keyboard, and the map of all patches fills in.
    source.focus()
    source.press("p")
    expect(workbench.get("mw-chip-0")).to_have_count(0)
    workbench.settle()
    workbench.get("mw-lens-colour").select_option("patching")
    expect(cell(root, "a", 0, position)).to_contain_text("%")
    settled(root)
    look(notebook, root, "view-lens-patching")

    # A longer prompt over a shorter B: columns where one has no token, the end in sight.
    workbench.get("mw-lens-colour").select_option("answer_rank")
    workbench.execute(f"session.prompt = {LONG!r}")
    settled(root)
    away = "grid => grid.scrollWidth - grid.clientWidth - grid.scrollLeft"
    assert root.locator("[data-testid=mw-lens-a] .mw-words").evaluate(away) <= 1, "the last token"
    look(notebook, root, "view-lens-lengths")


def test_long_and_deep(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, DEEP, ALONE)
    notebook.page.set_viewport_size({"width": 1440, "height": 1200})
    for index in range(3):
        notebook.run_cell(index)
    root = notebook.page.get_by_test_id("mw-view-lens")
    settled(root)
    expect(root.get_by_test_id("mw-lens-depth")).to_have_value("every 4")
    assert root.locator(".mw-word").count() < 800, "only what is in the window exists"
    look(notebook, root, "view-lens-long")
    word = root.locator(".mw-word[tabindex='0']")
    word.focus()
    word.press("Control+Home")
    settled(root)
    expect(cell(root, "a", 0, 0)).to_be_focused()
