"""An edit of a feature on the page: its sentence in the list, its switch, and the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import RESULTS, SETUP
from tests.browser.workbench_page import WorkbenchPage

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser

CELL = f"""{SETUP}
import torch
d, n = model.d_model, 64
g = torch.Generator().manual_seed(0)
w = torch.randn(d, n, generator=g) / d**0.5
sae = mw.Dictionary(w, torch.zeros(n), w.T.contiguous(), torch.zeros(d), reads=("resid_pre", 1))
mw.register_dictionary("a sparse autoencoder of the stream before layer 1, by hand", sae)
session = mw.Session(model, "The capital of France is", metric=mw.LogitDiff(" Paris", " Rome"))
feature = mw.Feature(sae, 7)
session.interventions = [mw.Scale(feature, 8.0), mw.Ablate(mw.Feature(sae, 12, [-1]))]
workbench = mw.Workbench(session)
workbench"""


def test_a_feature_is_listed_switched_off_and_taken_away(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(CELL)
    notebook.page.set_viewport_size({"width": 1440, "height": 1400})
    notebook.run_cell(0)
    shown = WorkbenchPage(notebook, 0)
    shown.settle()
    first, second = shown.get("mw-chip-0"), shown.get("mw-chip-1")
    name = "“a sparse autoencoder of the stream before layer 1, by hand”"
    expect(first).to_contain_text(f"Scale feature 7 of {name} by 8")
    expect(second).to_contain_text(f"Zero feature 12 of {name} at -1")
    assert not violations(notebook.page, ".mw-workbench")
    shown.root.screenshot(path=RESULTS / "features.png")
    first.get_by_test_id("mw-chip-switch").click()
    shown.settle()
    expect(first.get_by_test_id("mw-chip-switch")).to_have_attribute("aria-checked", "false")
    second.get_by_test_id("mw-chip-remove").click()
    expect(second).to_be_hidden()
    assert shown.python("len(session.interventions)") == 1
