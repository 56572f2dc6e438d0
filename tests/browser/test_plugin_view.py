"""A view of a plugin in JupyterLab: in a cell, as a tab, linked; a broken one beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SETUP
from tests.browser.pictures import look
from tests.plugins.installed import install

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser

TIMEOUT_MS = 20_000


def session_with(folder: Path) -> str:
    return f"""import sys; sys.path.insert(0, {str(folder)!r})
{SETUP}
session = mw.Session(model, "The capital of France is", metric=mw.LogitDiff(" Paris", " Rome"))
from mechwidget_surprise.view import Surprise"""


def test_a_plugins_view_in_its_cell_and_as_a_tab(
    open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    folder = install(tmp_path / "site", "view", "measures", "broken")
    (folder / "mechwidget_broken" / "endless.py").write_text("SCORE = None\n")
    notebook = open_notebook(
        session_with(folder),
        "view = Surprise(session)\nview",
        "bench = mw.Workbench(session)\nbench",
    )
    page = notebook.page
    page.set_viewport_size({"width": 1400, "height": 1500})
    for cell in range(3):
        notebook.run_cell(cell)
    alone = page.get_by_test_id("mw-view-surprise")
    rows = alone.locator("[data-testid^=surprise-]")
    expect(rows.first).to_be_visible(timeout=TIMEOUT_MS)
    assert rows.count() == notebook.python("len(session.now().state.tokens)")

    # Its numbers are the model's, after an edit those of the edited run.
    bench = page.get_by_test_id("mw-workbench")
    bench.get_by_test_id("mw-cell-1-2").click()
    bits = notebook.python(
        "(lambda s: round(float(-model.run(s.tokens, s.active).logits[0].float().log_softmax(-1)"
        "[len(s.tokens) - 2, s.tokens.ids[-1]]) / __import__('math').log(2), 2))"
        "(session.now().state)"
    )
    expect(rows.last).to_contain_text(f"→ {bits:.2f} bits", timeout=TIMEOUT_MS)

    # The same as a tab, beside one whose script throws.
    tab = bench.get_by_test_id("mw-tab-plugin:surprise")
    expect(tab).to_have_text("Surprise", timeout=TIMEOUT_MS)
    tab.click()
    inside = bench.get_by_test_id("mw-plugin-surprise")
    expect(inside.get_by_test_id("surprise-3")).to_be_visible(timeout=TIMEOUT_MS)
    bench.get_by_test_id("mw-tab-plugin:throws").click()
    throws = bench.get_by_test_id("mw-plugin-throws")
    expect(throws).to_contain_text("no <b>luck</b> today", timeout=TIMEOUT_MS)
    look(notebook, bench, "plugin-throws")
    tab.click()

    # Linked: a click in one is the selection of all, and hover lights up.
    inside.get_by_test_id("surprise-3").click()
    expect(alone.get_by_test_id("surprise-3")).to_have_attribute("aria-pressed", "true")
    alone.get_by_test_id("surprise-2").hover()
    expect(inside.get_by_test_id("surprise-2")).to_have_attribute("data-hover", "")

    # A plugin's metric, chosen on the page.
    kind = bench.get_by_test_id("mw-metric-kind")
    kind.select_option("margin")
    token = bench.get_by_test_id("mw-metric-parameter-token")
    token.fill("·Paris")
    token.press("Enter")
    expect(bench).to_have_attribute("data-mw-outcome-revision", "2", timeout=TIMEOUT_MS)
    assert notebook.python("[session.metric.kind, model.token_id(session.metric.token)]") == [
        "margin",
        notebook.python("model.token_id(' Paris')"),
    ]
    look(notebook, alone, "plugin-alone")
    look(notebook, bench, "plugin-tab")

    # A plugin's score is in the menu of the head map, its intervention in the list.
    choice = bench.get_by_test_id("mw-map-choice")
    choice.select_option("self_attention")
    share = notebook.python(
        "float(session.scores('self_attention', edited=True).result().heads[0, 0])"
    )
    expect(bench.get_by_test_id("mw-cell-0-0")).to_have_accessible_name(
        f"Head 0.0, {share:.2f}", timeout=TIMEOUT_MS
    )
    notebook.execute(
        "from mechwidget_measures.intervention import Flip; session.apply(Flip(mw.Head(0, 1)))"
    )
    chip = bench.get_by_text("Flip head 0.1", exact=False).first
    expect(chip).to_be_visible(timeout=TIMEOUT_MS)

    # After a reload the page asks for the script once more.
    notebook.reload()
    notebook.wait_for_kernel()
    expect(alone.get_by_test_id("surprise-1")).to_be_visible(timeout=TIMEOUT_MS)
    assert notebook.python("[h.name for h in mw.plugins() if h.group == 'views' and h.usable]") == [
        "throws",
        "surprise",
    ]
    # What the broken script threw is told by the page, and is the one complaint.
    notebook.complaints[:] = [line for line in notebook.complaints if "luck" not in line]
