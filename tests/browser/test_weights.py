"""The weights view as a person uses it: circuits of a head, an edge between heads, norms."""

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

SESSION = f"{SETUP}\nsession = mw.Session(model, 'The capital of France is')"
TIMEOUT_MS = 20_000


def shown(notebook: NotebookPage, name: str) -> Locator:
    return notebook.page.get_by_test_id(f"mw-view-{name}")


def settled(view: Locator) -> None:
    expect(view.locator("[data-waiting]")).to_have_count(0, timeout=TIMEOUT_MS)


def test_circuits_composition_and_norms(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        SESSION,
        "weights = mw.WeightsView(session)\nweights",
        "heads = mw.HeadMap(session)\nheads",
    )
    notebook.page.set_viewport_size({"width": 1000, "height": 1800})
    for cell in range(3):
        notebook.run_cell(cell)
    view, heads = shown(notebook, "weights"), shown(notebook, "head-map")

    # A head that is locked in the map shows its circuits here; numbers are those of Python.
    heads.get_by_test_id("mw-cell-2-0").click(modifiers=["Shift"])
    expect(view.get_by_test_id("mw-circuits-head")).to_have_text("Head 2.0")
    row = view.get_by_test_id("mw-circuits-raised").locator(".mw-ranked-row").first
    expect(row).to_be_visible(timeout=TIMEOUT_MS)
    settled(view)
    expected = notebook.python(
        "weights.to_dataframe(layer=2, head=0).query('role == \"raised\"')"
        "[['text', 'value']].values.tolist()"
    )
    printed = row.locator(".mw-ranked-number").inner_text()
    assert number(printed) == pytest.approx(expected[0][1], abs=0.06)
    assert row.locator("bdi").inner_text() == expected[0][0].replace(" ", "·")
    look(notebook, shown(notebook, "weights"), "view-weights-circuits")

    # A token that is pressed is the next one that is asked with.
    row.click()
    field = view.get_by_test_id("mw-circuits-token")
    expect(field).to_have_value(expected[0][0].replace(" ", "·"))
    field.fill(" Rome")
    field.press("Enter")
    expect(field).to_have_value("·Rome")
    settled(view)

    # An edge locks the head that reads and pins both.
    view.get_by_test_id("mw-weights-composition").click()
    edge = view.locator(".mw-weight-edges .mw-ranked-row").first
    expect(edge).to_be_visible(timeout=TIMEOUT_MS)
    settled(view)
    expect(view.locator(".mw-weight-edges h4")).to_have_text("strongest of head 2.0")
    look(notebook, shown(notebook, "weights"), "view-weights-graph")
    name = edge.locator(".mw-ranked-names").inner_text()
    reader = name.split(" → ")[1]
    edge.click()
    locked = heads.get_by_test_id(f"mw-cell-{reader.replace('.', '-')}")
    expect(locked).to_have_attribute("data-locked", "")
    view.get_by_test_id("mw-composition-matrix").click()
    view.get_by_test_id("mw-composition-v").click()
    settled(view)
    look(notebook, shown(notebook, "weights"), "view-weights-matrix")

    view.get_by_test_id("mw-weights-norms").click()
    settled(view)
    expect(view.locator(".mw-heat:visible")).to_have_count(3)
    look(notebook, shown(notebook, "weights"), "view-weights-norms")
