"""Steering by hand: a direction, a click, a strength, and what the model goes on to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SETUP
from tests.browser.pictures import look
from tests.browser.workbench_page import WorkbenchPage

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser

TIMEOUT_MS = 20_000
MINUS = "\N{MINUS SIGN}"
SESSION = f"""{SETUP}
session = mw.Session(model, "The capital of France is", metric=mw.LogitDiff(" Paris", " Rome"))
session.other_prompt = "The capital of Italy is"
workbench = mw.Workbench(session)
workbench"""
ALONE = "alone = mw.Continuation(session)\nalone"


def test_steer_and_continue(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SESSION, ALONE)
    notebook.page.set_viewport_size({"width": 1440, "height": 1400})
    notebook.run_cell(0)
    shown = WorkbenchPage(notebook, 0)
    shown.settle()

    # Armed, it says what a click will do; the tray says along what.
    shown.get("mw-tool-steer").click()
    opener = shown.get("mw-steer-open")
    expect(opener).to_have_text(f"0.20 · B {MINUS} A ▾")
    expect(shown.root.locator(".mw-readout-hint").first).to_contain_text(
        f"A click adds 0.20 · B {MINUS} A after its layer."
    )
    opener.click()
    expect(shown.get("mw-steer-from")).to_be_focused()
    shown.get("mw-steer-number").fill("0.8")
    shown.get("mw-steer-name").fill("towards Rome")
    shown.get("mw-steer-layer").fill("2")
    shown.get("mw-steer-keep").click()
    expect(shown.root.locator(".mw-direction")).to_contain_text(
        "token 5 of B minus A after layer 2"
    )
    look(notebook, shown.root, "view-steer-tray")
    notebook.page.keyboard.press("Escape")
    expect(shown.get("mw-steer-name")).to_be_hidden()

    # What it writes before any edit, and then, anew, with one.
    shown.get("mw-continuation-play").click()
    expect(shown.get("mw-continuation")).to_have_attribute("data-phase", "written")
    expect(shown.get("mw-written-baseline")).to_contain_text("Paris")
    expect(shown.get("mw-written-edited")).to_be_hidden()
    shown.mlp(2).click()
    shown.settle()
    chip = shown.get("mw-chip-0")
    expect(chip).to_contain_text("Steer residual after layer 2 by 0.8 of its norm along")
    expect(chip).to_contain_text(f"“B {MINUS} A at 5 after layer 2”")
    edited = shown.get("mw-written-edited")
    expect(edited).to_contain_text("Rome", timeout=TIMEOUT_MS)
    written(shown)
    expect(edited.locator("[data-diverges]")).to_have_text(" Rome")
    expect(shown.get("mw-written-baseline").locator("[data-diverges]")).to_have_text(" Paris")
    expect(shown.get("mw-written-facts")).to_contain_text("differ from token 1")
    edited.locator(".mw-written-token").first.hover()
    expect(shown.get("mw-written-details")).to_contain_text("·Rome")
    expect(shown.get("mw-written-details").locator("[data-chosen]")).to_contain_text("→")
    look(notebook, shown.root, "view-steer", lambda: hover_over_written(shown))

    # The slider of the chip; the text follows by itself.
    slider = chip.get_by_test_id("mw-chip-strength")
    slider.fill("0")
    shown.settle()
    written(shown)
    expect(shown.get("mw-written-facts")).to_contain_text("both the same")
    assert notebook.python("session.interventions[0].coefficient") == 0
    assert notebook.python("session.metric_value == session.baseline_metric_value")
    notebook.page.keyboard.press("Escape")

    # The same cell takes it away; a kept direction is another one, and steers one token.
    shown.mlp(2).click()
    expect(chip).to_have_count(0)
    opener.click()
    shown.get("mw-steer-from").select_option("saved towards Rome")
    notebook.page.keyboard.press("Escape")
    shown.get("mw-token-5").click()
    shown.cell(2, 0).click()
    shown.settle()
    expect(chip).to_contain_text("after layer 2 at 5 by 0.8 of its norm along “towards Rome”")
    name, norm = notebook.python(
        "(session.interventions[0].vector.name, session.directions['towards Rome'].norm)"
    )
    assert (name, norm > 0) == ("towards Rome", True)

    # A text that takes its time can be stopped, and what is written stays.
    notebook.execute(
        "import time\n"
        "brake = model.model.register_forward_hook(lambda *_: time.sleep(0.3))"
        " if hasattr(model.model, 'register_forward_hook') else None"
    )
    shown.get("mw-sampling-open").click()
    shown.get("mw-sampling-temperature").fill("1.5")
    shown.get("mw-sampling-temperature").press("Enter")
    shown.get("mw-sampling-tokens").fill("60")
    shown.get("mw-sampling-tokens").press("Enter")
    expect(edited.locator(".mw-written-token").nth(1)).to_be_visible(timeout=TIMEOUT_MS)
    expect(shown.get("mw-continuation")).to_have_attribute("aria-busy", "true")
    shown.get("mw-continuation-play").click()
    expect(shown.get("mw-continuation")).to_have_attribute("data-phase", "stopped")
    expect(shown.get("mw-written-facts")).to_contain_text("stopped")
    assert edited.locator(".mw-written-token").count() >= 2
    notebook.execute("brake.remove()")

    # A view of its own shows the two side by side.
    notebook.run_cell(1)
    alone = notebook.page.get_by_test_id("mw-view-continuation")
    alone.get_by_test_id("mw-continuation-play").click()
    text = alone.get_by_test_id("mw-continuation")
    expect(text).to_have_attribute("data-phase", "written", timeout=TIMEOUT_MS)
    expect(alone.get_by_test_id("mw-written-edited").locator("bdi").first).to_be_visible()
    look(notebook, alone, "view-continuation")


def written(shown: WorkbenchPage) -> None:
    """Wait until the text is of what is edited now, and complete."""
    pane = shown.get("mw-continuation")
    expect(pane).not_to_have_attribute("data-stale", "", timeout=TIMEOUT_MS)
    expect(pane).to_have_attribute("data-phase", "written", timeout=TIMEOUT_MS)


def hover_over_written(shown: WorkbenchPage) -> None:
    """The rivals of a token that was written come up."""
    shown.get("mw-written-edited").locator(".mw-written-token").first.hover()
    expect(shown.root.locator(".mw-rival")).not_to_have_count(0)
