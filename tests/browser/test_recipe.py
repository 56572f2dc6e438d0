"""A recipe opened in a notebook: the workbench says where it is from and what is different."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SETUP
from tests.browser.pictures import look

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser

SAVED = f"""{SETUP}
from mechwidget import recipes
first = mw.Session(model, "The capital of France is", mw.LogitDiff(" Paris", " Rome"))
first.ablate(mw.Head(0, 2))
path = first.save("france")
document = first.to_recipe()
document["interventions"].append({{"does": {{"type": "warp"}}, "sentence": "Warp <b>space</b>"}})
document["result"]["metric"]["after"] += 1
other = recipes.write_file("other", document)"""


def test_the_workbench_says_which_recipe_it_is_from(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        SAVED,
        "same = mw.Session.load(path)\nmw.Workbench(same)",
        "mw.Workbench(mw.Session.load(other, model))",
    )
    notebook.run_cell(0)
    notebook.run_cell(1)
    line = notebook.page.get_by_test_id("mw-provenance")
    expect(line).to_have_text(
        "Loaded from france.mech.json: the same model, tokens and numbers.", timeout=30_000
    )
    expect(line).not_to_have_attribute("data-differs", "")
    cell = notebook.page.get_by_test_id("mw-cell-0-2")
    expect(cell).to_have_attribute("aria-pressed", "true")
    notebook.clear_cell(1)
    notebook.run_cell(2)
    expect(line).to_contain_text("“Warp <b>space</b>” is kept and not done", timeout=30_000)
    expect(line).to_contain_text("with 2 differences")
    expect(line).to_have_attribute("data-differs", "")
    look(notebook, notebook.page.get_by_test_id("mw-workbench"), "recipe-workbench")
    line.get_by_role("button").click()
    expect(line).to_be_hidden()
