"""The embedding view as a person uses it: walk along the tokens, see positions and the plane."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.pictures import look
from tests.browser.test_neurons import LONG, SESSION, TIMEOUT_MS, shown

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser


def test_from_text_to_vectors(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        SESSION,
        "view = mw.EmbeddingView(session)\nview",
        "strip = mw.TokenStrip(session)\nstrip",
    )
    notebook.page.set_viewport_size({"width": 1000, "height": 1700})
    for cell in range(3):
        notebook.run_cell(cell)
    view, strip = shown(notebook, "embedding"), shown(notebook, "token-strip")
    pane = view.get_by_test_id("mw-embedding")
    said = view.get_by_test_id("mw-embedding-said")
    expect(said).to_contain_text("token (wte) + position (wpe, learned) = the first residual")
    expect(pane).not_to_have_attribute("data-waiting", "", timeout=TIMEOUT_MS)

    # One token, step by step: its bytes, the tokenizer's id, the table's neighbours.
    steps = view.get_by_test_id("mw-embedding-token")
    strip.get_by_test_id("mw-token-4").click()
    expect(steps.locator("mark")).to_contain_text("Oslo")
    expect(steps).to_contain_text("20 4f 73 6c 6f")
    token = notebook.python("session.now().state.tokens.ids[4]")
    expect(steps).to_contain_text(f"{token:,} · position 4")
    notebook.execute(
        "from mechwidget.analysis import nearest_tokens\n"
        f"near = nearest_tokens(model, model.model.transformer.wte.weight.detach()[[{token}]], k=3)"
    )
    near = notebook.python("[model.token_text(int(i)) for i in near.ids[0]]")
    first = steps.locator(".mw-neuron-column").first.locator("li")
    expect(first).to_have_count(6, timeout=TIMEOUT_MS)
    for at, text in enumerate(near):
        expect(first.nth(at).locator("bdi")).to_have_text(text.replace(" ", "·"))

    # The map by keyboard, and what it lights up.
    cursor = view.get_by_role("gridcell").first
    cursor.focus()
    cursor.press("ArrowRight")
    expect(strip.get_by_test_id("mw-token-1")).to_have_attribute("data-lit", "")
    norm = notebook.python("float(view.table().columns['token_norm'][1])")
    expect(cursor).to_have_attribute(
        "aria-label", re.compile(re.escape(f"norm of the token part {norm:.2f}"))
    )
    expect(pane).not_to_have_attribute("data-waiting", "", timeout=TIMEOUT_MS)
    look(notebook, shown(notebook, "embedding"), "view-embedding")

    # Positions: the cosine between position vectors.
    showing = view.get_by_test_id("mw-embedding-showing")
    showing.select_option("positions")
    expect(said).to_contain_text("One learned vector per position")
    cursor.focus()
    cursor.press("Home")
    expect(cursor).to_have_attribute("aria-label", re.compile(r"cosine 1\.00$"))
    look(notebook, shown(notebook, "embedding"), "view-embedding-positions")

    # The plane says how much it holds; a token is walked to by keyboard and selected.
    showing.select_option("plane")
    expect(said).to_contain_text("of the variance across")
    plane = view.get_by_role("slider")
    plane.focus()
    plane.press("Home")
    plane.press("ArrowRight")
    plane.press("Enter")
    expect(strip.get_by_test_id("mw-token-1")).to_have_attribute("data-detail", "")
    expect(plane).to_have_attribute("aria-valuenow", "1")
    look(notebook, shown(notebook, "embedding"), "view-embedding-plane")

    # A long prompt, in parts and on the plane.
    notebook.execute(LONG)
    expect(pane).not_to_have_attribute("data-waiting", "", timeout=TIMEOUT_MS)
    expect(plane).to_have_attribute("aria-valuemax", "120", timeout=TIMEOUT_MS)
    look(notebook, shown(notebook, "embedding"), "view-embedding-plane-long")
    showing.select_option("parts")
    expect(pane).not_to_have_attribute("data-waiting", "", timeout=TIMEOUT_MS)
    look(notebook, shown(notebook, "embedding"), "view-embedding-long")
