"""The sheet of keys: opened with ?, closed with Esc, and the focus is where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations

if TYPE_CHECKING:
    from tests.browser.workbench_page import WorkbenchPage

pytestmark = pytest.mark.browser


def test_the_sheet_of_keys(workbench: WorkbenchPage) -> None:
    sheet = workbench.get("mw-key-sheet")
    workbench.cell(1, 2).focus()
    workbench.page.keyboard.press("?")
    expect(sheet).to_be_visible()
    assert violations(workbench.page, "[data-testid=mw-key-sheet]") == []
    workbench.page.keyboard.press("v")  # means nothing here
    workbench.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(workbench.cell(1, 2)).to_be_focused()
    expect(workbench.get("mw-tool-zero")).to_have_attribute("aria-pressed", "true")
