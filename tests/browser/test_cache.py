"""The cache view as a person uses it: point, choose, edit, go on writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.pictures import look
from tests.browser.test_neurons import SESSION, TIMEOUT_MS, shown

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser


def test_point_choose_and_edit(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        SESSION,
        "view = mw.CacheView(session)\nview",
        "heads = mw.HeadMap(session)\nheads",
        "strip = mw.TokenStrip(session)\nstrip",
    )
    notebook.page.set_viewport_size({"width": 1000, "height": 1900})
    for cell in range(4):
        notebook.run_cell(cell)
    view = shown(notebook, "cache")
    pane = view.get_by_test_id("mw-cache")
    expect(view.get_by_test_id("mw-cache-size")).to_contain_text("per further token")
    expect(pane).not_to_have_attribute("data-waiting", "", timeout=TIMEOUT_MS)

    # How large it is, is what the model's own cache takes.
    said = (
        "sum(x.keys.nbytes + x.values.nbytes for x in model.model(input_ids=__import__('torch')"
        ".tensor([session.now().state.tokens.ids]), use_cache=True).past_key_values.layers)"
    )
    held = notebook.python(said)
    expect(view.get_by_test_id("mw-cache-size")).to_contain_text(f"{held / 1000:.1f} kB")

    # The keyboard walks through the cells; token and head light up elsewhere.
    cursor = view.get_by_role("gridcell").first
    cursor.focus()
    cursor.press("ArrowDown")
    cursor.press("ArrowRight")
    label = cursor.get_attribute("aria-label") or ""
    assert label.startswith("Layer 0, kv head 1, ·")
    expect(shown(notebook, "head-map").get_by_test_id("mw-cell-0-1")).to_have_attribute(
        "data-lit", ""
    )
    expect(shown(notebook, "token-strip").get_by_test_id("mw-token-1")).to_have_attribute(
        "data-lit", ""
    )
    cursor.press("Enter")
    expect(shown(notebook, "token-strip").get_by_test_id("mw-token-1")).to_have_attribute(
        "data-detail", ""
    )
    norm = notebook.python("float(view.table().columns['keys_before'][16 + 1])")
    assert f"‖k‖ {norm:.2f}" in label
    look(notebook, shown(notebook, "cache"), "view-cache")

    # An edit moves the layers after it; the change has a map of its own.
    notebook.execute("session.ablate(mw.MLP(0))")
    moment = view.get_by_test_id("mw-cache-moment")
    expect(moment).to_be_visible(timeout=TIMEOUT_MS)
    moment.select_option("change")
    cursor.focus()
    expect(pane.locator(".mw-cache-reading")).to_contain_text("unchanged")
    for _ in range(4):
        cursor.press("ArrowDown")
    expect(pane.locator(".mw-cache-reading")).to_contain_text("moved by")
    look(notebook, shown(notebook, "cache"), "view-cache-change")

    # As it writes on: the tokens that it wrote are there.
    view.get_by_test_id("mw-cache-until").select_option("written")
    expect(view.get_by_test_id("mw-cache-size")).to_contain_text("after 36 tokens")
    view.get_by_test_id("mw-cache-part").select_option("values")
    view.get_by_test_id("mw-cache-layer").select_option("2")
    expect(pane).not_to_have_attribute("data-waiting", "", timeout=TIMEOUT_MS)
    look(notebook, shown(notebook, "cache"), "view-cache-written")
