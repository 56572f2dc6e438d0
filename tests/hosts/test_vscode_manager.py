"""The contract of hosts in VS Code's own widget manager, as npm has it, on a real kernel.

The manager is one bundle that holds the packages which its package.json names; package.json of this
repository therefore overrides those with an empty one, and 3 MB are installed instead of 400.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import RESULTS
from tests.hosts.contract import CELLS, WORKBENCH, Contract
from tests.hosts.page_kernel import PACKAGES, VsCodeKernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

    from tests.hosts.contract import Host
    from tests.hosts.shared_kernel import SharedKernel

pytestmark = pytest.mark.browser

VIEW = "application/vnd.jupyter.widget-view+json"
MANAGER = PACKAGES / "@vscode" / "jupyter-ipywidgets8" / "package.json"
HIGH_CONTRAST = {"light": "high-contrast-light", "dark": "high-contrast"}
SAY_THEME = """kind => {
  document.body.className = kind;
  document.body.dataset.vscodeThemeKind = kind;
}"""


class VsCodeHost:
    """A page with VS Code's widget manager."""

    name = "VS Code"
    dark = True
    pictures = RESULTS / "hosts" / "vs-code"

    def __init__(self, page: Page, kernel: VsCodeKernel) -> None:
        self.page, self.kernel = page, kernel
        self.version = f"widget manager {json.loads(MANAGER.read_text())['version']}"
        self.complaints: list[str] = []
        self._requests: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._requests.append(request.url))

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def open(self) -> None:
        self.page.goto(self.kernel.url)
        self.page.wait_for_selector("body[data-ready]", state="attached", timeout=30_000)
        for cell in range(len(CELLS)):
            self.run(cell)

    def run(self, cell: int) -> None:
        """Run a cell, and draw what it shows the way that VS Code prefers."""
        data = self.kernel.shown(CELLS[cell])
        if VIEW in data:
            shown = [data[VIEW]["model_id"], f"output-{cell}"]
            self.page.evaluate("([id, name]) => window.show(id, name)", shown)

    def output(self, cell: int) -> Locator:
        return self.page.locator(f"#output-{cell}")

    def execute(self, code: str) -> str:
        return self.kernel.execute(code)

    def python(self, expression: str) -> Any:
        return self.kernel.python(expression)

    def set_theme(self, theme: str) -> None:
        """By way of the two kinds of high contrast, which VS Code has besides."""
        view = self.output(WORKBENCH).locator(".mw").first
        for kind in (HIGH_CONTRAST[theme], theme):
            self.page.evaluate(SAY_THEME, f"vscode-{kind}")
            expect(view).to_have_attribute("data-mw-theme", theme)

    def foreign_requests(self) -> list[str]:
        near = (self.kernel.url, "blob:", "data:")
        return [url for url in self._requests if not url.startswith(near)]


@pytest.fixture(scope="module")
def host(browser: Browser, kernel: SharedKernel) -> Iterator[Host]:
    with VsCodeKernel(kernel) as bridge:
        context = browser.new_context(viewport={"width": 1240, "height": 1000})
        shown = VsCodeHost(context.new_page(), bridge)
        shown.open()
        yield shown
        context.close()


class TestVsCode(Contract):
    def test_the_policy_of_the_page_is_kept(self, host: VsCodeHost) -> None:
        """The front end is unpacked and run under the policy that VS Code has for notebooks."""
        assert host.page.evaluate("window.violations") == []
        host.page.evaluate("eval('new Image().src = `http://127.0.0.1:9/x.png`')")
        host.page.wait_for_function("window.violations.length > 0")
        host.complaints.clear()  # it is the policy that complained
