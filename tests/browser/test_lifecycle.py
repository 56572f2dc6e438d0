"""Busy kernels, restarts and reloads: what a notebook does to a widget in the course of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SETUP, SHOW
from tests.browser.notebook_page import NotebookPage
from tests.browser.workbench_page import WorkbenchPage

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser

Heads = list[tuple[int, int]]
SLEEP, SECOND = 2, 3  # cells of the shared notebook: one sleeps, one shows the session again
BUSY = "[...document.querySelectorAll('.jp-InputPrompt')].some(p => p.innerText === '[*]:')"


def is_busy(notebook: NotebookPage) -> bool:
    return notebook.page.evaluate(BUSY)


def wait_until_idle(notebook: NotebookPage) -> None:
    notebook.page.wait_for_function(f"() => !({BUSY})", timeout=30_000)


def test_reload_with_a_live_kernel(workbench: WorkbenchPage, strong: Heads) -> None:
    (layer, head), (other_layer, other_head) = strong[:2]
    workbench.click(layer, head)
    before = (workbench.bars, workbench.tokens, workbench.ablated, workbench.revision)
    workbench.notebook.reload()
    workbench.settle()
    assert (workbench.bars, workbench.tokens, workbench.ablated, workbench.revision) == before
    workbench.notebook.wait_for_kernel()
    workbench.click(other_layer, other_head)
    assert len(workbench.interventions()) == 2
    assert workbench.bars != before[0]


def test_click_while_a_cell_sleeps(workbench: WorkbenchPage, strong: Heads) -> None:
    layer, head = strong[0]
    bars = workbench.bars
    workbench.notebook.start_cell(SLEEP)
    workbench.page.wait_for_function(f"() => {BUSY}")
    workbench.click(layer, head)
    assert workbench.ablated == {f"mw-cell-{layer}-{head}"}
    assert workbench.bars != bars
    assert is_busy(workbench.notebook), "the answer came only when the cell had ended"
    wait_until_idle(workbench.notebook)
    assert workbench.interventions() == [f"Zero head {layer}.{head}"]


def test_reload_while_a_cell_sleeps(workbench: WorkbenchPage, strong: Heads) -> None:
    """The widget's state comes back at the latest when the cell ends, and then it works."""
    layer, head = strong[0]
    workbench.click(layer, head)
    before = (workbench.bars, workbench.ablated)
    workbench.notebook.start_cell(SLEEP)
    workbench.page.wait_for_function(f"() => {BUSY}")
    workbench.notebook.reload()
    workbench.settle()
    assert (workbench.bars, workbench.ablated) == before
    wait_until_idle(workbench.notebook)
    workbench.notebook.wait_for_kernel()
    workbench.click(layer, head)
    assert workbench.interventions() == []


def test_two_workbenches_of_one_session(workbench: WorkbenchPage, strong: Heads) -> None:
    """A click in one is drawn in the other, and a head locked in one is locked in both."""
    layer, head = strong[0]
    workbench.notebook.run_cell(SECOND)
    second = WorkbenchPage(workbench.notebook, SECOND)
    second.settle()
    second.click(layer, head)
    workbench.settle()
    assert workbench.ablated == second.ablated == {f"mw-cell-{layer}-{head}"}
    assert workbench.bars == second.bars

    second.get("mw-attention-lock").click()
    expect(workbench.get("mw-attention-lock")).to_have_attribute("aria-pressed", "true")
    workbench.attention_shows(layer, head)
    workbench.notebook.execute("second.close()")
    workbench.notebook.clear_cell(SECOND)


def test_kernel_restart_is_said(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, SHOW)
    notebook.run_cell(0)
    notebook.run_cell(1)
    workbench = WorkbenchPage(notebook)
    workbench.settle()
    notebook.restart_kernel()
    notebook.wait_for_kernel()
    banner = workbench.get("mw-banner")
    expect(banner).to_be_visible(timeout=20_000)
    expect(banner).to_contain_text("kernel")
    expect(banner).to_contain_text("run the cell again")
    expect(workbench.root).to_have_attribute("data-disabled", "")

    notebook.run_cell(0)
    notebook.run_cell(1)
    workbench.settle()
    expect(banner).to_have_count(0)
    workbench.click(0, 0)
    assert workbench.interventions() == ["Zero head 0.0"]


def test_two_browser_tabs(workbench: WorkbenchPage, strong: Heads) -> None:
    """The same notebook in another tab: a click there is drawn here."""
    layer, head = strong[0]
    here = workbench.notebook
    here.save()
    page = here.page.context.new_page()
    try:
        there = NotebookPage(page, here.server, here.name)
        page.goto(here.server.url(here.name))
        there.wait_for_kernel()
        other = WorkbenchPage(there)
        other.settle()
        other.click(layer, head)
        here.page.bring_to_front()  # a tab that nobody sees is not drawn
        expect(workbench.cell(layer, head)).to_have_attribute("data-mark", "whole")
        workbench.settle()
        assert workbench.bars == other.bars
        assert there.complaints == []
    finally:
        page.close()
    workbench.click(layer, head)
    assert workbench.interventions() == []
