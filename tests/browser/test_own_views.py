"""Views of their own, each in a cell: what is pointed at in one lights up in all, an edit too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SETUP

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook_page import NotebookPage

pytestmark = pytest.mark.browser

VIEWS = {
    "token-strip": "TokenStrip",
    "head-map": "HeadMap",
    "attention": "AttentionView",
    "attribution": "AttributionView",
    "continuation": "Continuation",
    "lens": "LensView",
    "neurons": "NeuronsView",
    "outcome": "Outcome",
    "interventions": "Interventions",
}
SESSION = (
    f"{SETUP}\nsession = mw.Session(model, 'The capital of France is', "
    "metric=mw.LogitDiff(' Paris', ' Rome'))"
)
TIMEOUT_MS = 20_000


def view(notebook: NotebookPage, name: str) -> Locator:
    return notebook.page.get_by_test_id(f"mw-view-{name}")


def test_each_view_in_its_cell_is_linked_to_the_others(open_notebook: OpenNotebook) -> None:
    cells = [f"view_{i} = mw.{name}(session)\nview_{i}" for i, name in enumerate(VIEWS.values())]
    notebook = open_notebook(SESSION, *cells)
    notebook.page.set_viewport_size({"width": 1100, "height": 2600})
    for index in range(len(cells) + 1):
        notebook.run_cell(index)
    for name in VIEWS:
        expect(view(notebook, name)).to_be_visible(timeout=TIMEOUT_MS)
    expect(view(notebook, "outcome")).to_have_attribute("data-mw-outcome-revision", "0")

    # Hovering in one lights the same thing up in another, without the kernel.
    view(notebook, "head-map").get_by_test_id("mw-cell-1-2").hover()
    heading = view(notebook, "attention").get_by_role("heading")
    expect(heading).to_have_text("Head 1.2")

    # An edit in one is an edit in all, and one of them alone can take it back.
    view(notebook, "head-map").get_by_test_id("mw-cell-1-2").click()
    chip = view(notebook, "interventions").get_by_test_id("mw-row-0")
    expect(chip).to_contain_text("Zero head 1.2")
    expect(view(notebook, "outcome")).to_have_attribute("data-mw-outcome-revision", "1")
    view(notebook, "interventions").get_by_test_id("mw-undo").click()
    expect(chip).to_have_count(0)
    cell = view(notebook, "head-map").get_by_test_id("mw-cell-1-2")
    expect(cell).to_have_attribute("aria-pressed", "false")
    assert notebook.python("len(session.interventions)") == 0

    # The page asks for the front end once and shows views again after a reload.
    notebook.reload()
    notebook.wait_for_kernel()
    for name in VIEWS:
        expect(view(notebook, name)).to_have_attribute(
            "data-mw-status", "live", timeout=TIMEOUT_MS
        )  # closed before it is drawn, JupyterLab says that it cannot find it
    notebook.execute("view_1.close()")
    view(notebook, "token-strip").get_by_test_id("mw-token-2").click()
    expect(view(notebook, "token-strip").get_by_test_id("mw-token-2")).to_have_attribute(
        "aria-selected", "true"
    )
