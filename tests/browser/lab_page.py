"""What the JupyterLab extension adds to the page, named as a person would name it.

Flows in: an open notebook. Flows out: locators of the panel and of recipes as documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

    from tests.browser.notebook_page import NotebookPage

TIMEOUT_MS = 20_000
IN_FRONT = "path => window.jupyterapp.shell.currentWidget?.context?.path === path"
EXECUTE = "([name, args]) => { void window.jupyterapp.commands.execute(name, args); }"


class LabPage:
    """Attributes: notebook, page, panel (once it is shown)."""

    def __init__(self, notebook: NotebookPage) -> None:
        self.notebook = notebook
        self.page: Page = notebook.page
        self.panel = self.page.get_by_test_id("mw-lab-panel")

    def command(self, name: str, **args: Any) -> None:
        """Run a command without waiting for its end, which may be a dialog's."""
        self.page.evaluate(EXECUTE, [name, args])

    def save(self) -> None:
        """Save what is in front, and wait until it is saved."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def show_panel(self) -> None:
        self.command("mechwidget:show-panel")
        expect(self.panel).to_be_visible(timeout=TIMEOUT_MS)

    @property
    def kernel(self) -> Locator:
        """This notebook's own in the panel: other tests' kernels may be listed beside it."""
        every = self.panel.get_by_test_id("mw-lab-kernel")
        return every.filter(has_text=self.notebook.name)

    def session(self, nth: int = 0) -> Locator:
        return self.kernel.get_by_test_id("mw-lab-session").nth(nth)

    def switch(self, sentence: str) -> Locator:
        return self.kernel.get_by_role("switch", name=sentence)

    @property
    def status(self) -> Locator:
        return self.page.get_by_test_id("mw-lab-status")

    def document(self) -> Locator:
        """The recipe that is in front, with its workbench."""
        shown = self.page.locator(".jp-Document:not(.lm-mod-hidden)")
        return shown.filter(has=self.page.get_by_test_id("mw-lab-bar"))

    def open_recipe(self, path: str) -> Locator:
        self.open(path)
        workbench = self.document().get_by_test_id("mw-workbench")
        expect(workbench).to_be_visible(timeout=2 * TIMEOUT_MS)
        return workbench

    def activate_notebook(self) -> None:
        self.open(self.notebook.name)

    def open(self, path: str) -> None:
        """Open a document, or bring it to the front."""
        self.command("docmanager:open", path=path)
        self.page.wait_for_function(IN_FRONT, arg=path)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for what is not on the page, while the page and the routes of a test go on."""
        for _ in range(TIMEOUT_MS // 50):
            if condition():
                return
            self.page.wait_for_timeout(50)
        pytest.fail("it never came true")

    def kernels(self) -> list[dict[str, Any]]:
        """What the server itself says that it runs."""
        ask = "async () => (await fetch('/api/sessions')).json()"
        found: list[dict[str, Any]] = self.page.evaluate(ask)
        return found
