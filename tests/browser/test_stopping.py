"""A run that takes long: the page says so, stops it on demand, and has it again."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.workbench_page import WorkbenchPage, shown

pytestmark = pytest.mark.browser

SLOWER = """import time
_blocks = model.model.transformer.h
_hooks = [block.register_forward_hook(lambda *_: time.sleep(1)) for block in _blocks]"""
AS_BEFORE = "[hook.remove() for hook in _hooks]"


def test_stop_a_run_and_have_it_again(workbench: WorkbenchPage) -> None:
    before = workbench.after
    workbench.notebook.execute(SLOWER)
    try:
        workbench.cell(1, 2).click()
        stop = workbench.get("mw-stop-run")
        expect(stop).to_have_attribute("data-on", "", timeout=10_000)
        stop.click()
        again = workbench.get("mw-run-again")
        expect(again).to_be_visible()
        expect(workbench.root.locator(".mw-outcome")).to_have_attribute("data-stale", "")
        assert workbench.interventions() == ["Zero head 1.2"]
        assert workbench.after == before
    finally:
        workbench.notebook.execute(AS_BEFORE)
    again.click()
    expect(again).to_be_hidden()
    workbench.settle()
    assert workbench.after == shown(workbench.python("session.metric_value")) != before
