"""The neurons view as a person uses it: point at one, ablate it, clamp it by the slider."""

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

PROMPT = "lamp Tuesday seven Oslo bird clean Tom kite lamp Tuesday seven Oslo bird clean Tom"
SESSION = f"{SETUP}\nsession = mw.Session(model, {PROMPT!r}, metric=mw.LogitDiff(' kite', ' lamp'))"
LONG = "session.prompt = ' '.join(['lamp Tuesday seven Oslo bird clean Tom kite'] * 15)"
TIMEOUT_MS = 20_000


def shown(notebook: NotebookPage, name: str) -> Locator:
    return notebook.page.get_by_test_id(f"mw-view-{name}")


def test_point_ablate_and_clamp(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        SESSION,
        "neurons = mw.NeuronsView(session)\nneurons",
        "heads = mw.HeadMap(session)\nheads",
        "chips = mw.Interventions(session)\nchips",
    )
    notebook.page.set_viewport_size({"width": 1000, "height": 1900})
    for cell in range(4):
        notebook.run_cell(cell)
    view = shown(notebook, "neurons")
    rows = view.locator("[data-row]:visible")
    expect(rows.first).to_be_visible(timeout=TIMEOUT_MS)

    # What is printed is what a run says.
    name = rows.first.locator(".mw-neuron-name").inner_text()
    layer, index = (int(part) for part in name.split("."))
    printed = number(rows.first.locator(".mw-neuron-number").first.inner_text())
    site = f"('mlp_post', {layer})"
    value = notebook.python(
        f"float(model.run(session.prompt, (), [{site}]).read[{site}][0, -1, {index}])"
    )
    assert printed == pytest.approx(value, abs=0.06)

    # Pointing at a row tells what it says, and lights up its MLP in the map.
    rows.first.locator(".mw-neuron-name").hover()
    expect(view.locator(".mw-neuron-told li").first).to_be_visible(timeout=TIMEOUT_MS)
    mlp = shown(notebook, "head-map").get_by_test_id(f"mw-mlp-{layer}")
    expect(mlp).to_have_attribute("data-lit", "")
    expect(view.get_by_test_id("mw-neuron-detail").get_by_role("heading")).to_have_text(
        f"Neuron {name}"
    )
    look(notebook, shown(notebook, "neurons"), "view-neurons")

    # A click ablates it; the same by keyboard takes it back.
    row = view.get_by_test_id(f"mw-neuron-{layer}-{index}")
    row.click()
    chip = shown(notebook, "interventions").get_by_test_id("mw-row-0")
    expect(chip).to_contain_text(f"Zero neuron {name}")
    expect(view).to_have_attribute("data-mw-outcome-revision", "1")
    assert notebook.python("session.interventions[0].sentence") == f"Zero neuron {name}"
    view.get_by_test_id("mw-neuron-list").press("Enter")
    expect(chip).to_have_count(0)

    # The slider of the detail clamps it, in units of its activation; the chip's slider is the same.
    slider = view.get_by_test_id("mw-neuron-clamp")
    slider.press("End")
    expect(chip).to_contain_text(f"Set neuron {name} to")
    expect(view.get_by_test_id("mw-neuron-release")).to_be_visible()
    most = float(slider.get_attribute("max") or 0)
    assert notebook.python("session.interventions[0].value") == pytest.approx(most, rel=1e-3)
    view.get_by_test_id("mw-neurons-order").select_option("change")
    expect(view.get_by_test_id(f"mw-neuron-{layer}-{index}")).to_contain_text("=")
    expect(view.locator(".mw-neurons")).not_to_have_attribute("data-waiting", "")
    look(notebook, shown(notebook, "neurons"), "view-neurons-clamped")
    view.get_by_test_id("mw-neuron-release").click()
    expect(chip).to_have_count(0)

    # A long prompt, each layer's top.
    notebook.execute(LONG)
    view.get_by_test_id("mw-neurons-order").select_option("effect")
    view.get_by_test_id("mw-neurons-layers").select_option("each")
    expect(view.locator("[data-row]:visible")).to_have_count(16, timeout=TIMEOUT_MS)
    expect(view.locator(".mw-neurons")).not_to_have_attribute("data-waiting", "")
    expect(view.locator(".mw-neuron-told li")).to_have_count(12)
    look(notebook, shown(notebook, "neurons"), "view-neurons-long")
