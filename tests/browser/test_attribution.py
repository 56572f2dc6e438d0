"""The attribution view as a person uses it: open a layer, ablate, rank, integrate, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SETUP
from tests.browser.pictures import look
from tests.browser.workbench_page import number

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook_page import NotebookPage

pytestmark = pytest.mark.browser

PROMPT = "The capital of France is"
SESSION = (
    f"{SETUP}\nsession = mw.Session(model, {PROMPT!r}, metric=mw.LogitDiff(' Paris', ' Rome'))"
)
LONG = "session.prompt = ' '.join(['lamp Tuesday seven Oslo bird clean Tom kite'] * 15)"
TIMEOUT_MS = 20_000


def shown(notebook: NotebookPage, name: str) -> Locator:
    return notebook.page.get_by_test_id(f"mw-view-{name}")


def last_number(row: Locator) -> float:
    return number(row.locator(".mw-term-number:visible").last.inner_text())


def settled(view: Locator) -> None:
    expect(view.locator("[data-waiting]")).to_have_count(0, timeout=TIMEOUT_MS)


def test_open_ablate_integrate_and_measure(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        SESSION,
        "attribution = mw.AttributionView(session)\nattribution",
        "heads = mw.HeadMap(session)\nheads",
        "chips = mw.Interventions(session)\nchips",
    )
    notebook.page.set_viewport_size({"width": 1000, "height": 2000})
    for cell in range(4):
        notebook.run_cell(cell)
    view = shown(notebook, "attribution")
    tree = view.get_by_test_id("mw-terms")
    total = view.get_by_test_id("mw-term-total")
    expect(total).to_be_visible(timeout=TIMEOUT_MS)
    settled(view)

    # The terms add up to the metric, and a layer opens to its heads, an MLP to its neurons.
    assert last_number(total) == pytest.approx(notebook.python("session.metric_value"), abs=0.006)
    expect(view.locator(".mw-notes")).to_contain_text("remainder 0.0000")
    view.get_by_test_id("mw-term-layer-1").locator(".mw-term-twist").click()
    head = view.get_by_test_id("mw-term-head-1-2")
    expect(head).to_be_visible()
    said = notebook.python(
        "float(mw.analysis.direct_attribution(model, session.prompt, session.metric).heads[1, 2])"
    )
    assert last_number(head) == pytest.approx(said, abs=0.006)
    view.get_by_test_id("mw-term-mlp-1").locator(".mw-term-twist").click()
    expect(view.get_by_test_id("mw-term-others-1")).to_be_visible(timeout=TIMEOUT_MS)
    settled(view)
    look(notebook, shown(notebook, "attribution"), "view-attribution")

    # Pointing at a row lights up the map; a click ablates it, and both runs stand side by side.
    head.locator(".mw-term-name").hover()
    cell = shown(notebook, "head-map").get_by_test_id("mw-cell-1-2")
    expect(cell).to_have_attribute("data-lit", "")
    head.locator(".mw-term-name").click()
    expect(shown(notebook, "interventions").get_by_test_id("mw-row-0")).to_contain_text(
        "Zero head 1.2"
    )
    expect(head.locator(".mw-term-number:visible")).to_have_count(3, timeout=TIMEOUT_MS)
    settled(view)
    assert number(head.locator(".mw-term-number").nth(1).inner_text()) == 0
    view.get_by_test_id("mw-attribution-order").select_option("change")
    settled(view)
    look(notebook, shown(notebook, "attribution"), "view-attribution-edited")
    tree.press("Home")
    notebook.execute("session.interventions = []; session.wait()")

    # What zeroing the largest really does, beside what they wrote.
    view.get_by_test_id("mw-attribution-order").select_option("largest")
    view.get_by_test_id("mw-attribution-neurons").check()
    settled(view)
    view.get_by_test_id("mw-exact-go").click()
    expect(view.get_by_test_id("mw-exact-correlation")).to_contain_text(
        "over 20 parts", timeout=TIMEOUT_MS
    )
    expect(view.get_by_test_id("mw-exact-go")).to_contain_text("more")
    look(notebook, shown(notebook, "attribution"), "view-attribution-measured")

    # Integrated gradients of the input tokens, of a long prompt.
    view.get_by_test_id("mw-attribution-method").select_option("integrated")
    view.get_by_test_id("mw-attribution-of").select_option("components")
    view.get_by_test_id("mw-attribution-order").select_option("layers")
    expect(total).to_be_visible(timeout=TIMEOUT_MS)
    settled(view)
    look(notebook, shown(notebook, "attribution"), "view-attribution-integrated")
    view.get_by_test_id("mw-attribution-of").select_option("tokens")
    view.get_by_test_id("mw-attribution-steps").select_option("16")
    expect(view.get_by_test_id("mw-term-token-3")).to_be_visible(timeout=TIMEOUT_MS)
    settled(view)
    look(notebook, shown(notebook, "attribution"), "view-attribution-tokens")
    view.get_by_test_id("mw-attribution-method").select_option("direct")
    notebook.execute(LONG)
    view.get_by_test_id("mw-attribution-order").select_option("layers")
    settled(view)
    look(notebook, shown(notebook, "attribution"), "view-attribution-long")
