"""The contract of hosts in a fake of Colab: each output a page of its own, of another origin.

Colab itself cannot run here. The fake speaks its dialect, as its public widget manager does: bytes
arrive as Uint8Array, those of a comm_open are lost, models are asked for one by one, and no output
can see another, so that views are linked by way of the kernel.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlparse

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import RESULTS
from tests.hosts.contract import CELLS, ECHO, WORKBENCH, Contract
from tests.hosts.page_kernel import LIBRARIES, PageKernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

    from tests.hosts.contract import Host, ShownWorkbench
    from tests.hosts.shared_kernel import SharedKernel

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent / "colab"
VIEW = "application/vnd.jupyter.widget-view+json"


class ColabKernel(PageKernel):
    files: ClassVar[dict[str, Path]] = {
        "/": HERE / "notebook.html",
        "/output": HERE / "output.html",
        **LIBRARIES,
    }
    headers: ClassVar[dict[str, str]] = {"Access-Control-Allow-Origin": "*"}


class ColabHost:
    """A page with an iframe for each output."""

    name = "Colab"
    version = "a fake of its widget manager"
    dark = True
    pictures = RESULTS / "hosts" / "colab"

    def __init__(self, page: Page, kernel: ColabKernel) -> None:
        self.page, self.kernel = page, kernel
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
        data = self.kernel.shown(CELLS[cell])
        if VIEW in data:
            shown = [data[VIEW]["model_id"], f"output-{cell}"]
            self.page.evaluate("([id, name]) => window.show(id, name)", shown)

    def output(self, cell: int) -> Locator:
        return self.page.frame_locator(f"#output-{cell}").locator("#output-area")

    def execute(self, code: str) -> str:
        return self.kernel.execute(code)

    def python(self, expression: str) -> Any:
        return self.kernel.python(expression)

    def set_theme(self, theme: str) -> None:
        self.page.evaluate("theme => window.setTheme(theme)", theme)

    def foreign_requests(self) -> list[str]:
        local = {"127.0.0.1", None}
        return [url for url in self._requests if urlparse(url).hostname not in local]


@pytest.fixture(scope="module")
def host(browser: Browser, kernel: SharedKernel) -> Iterator[Host]:
    with ColabKernel(kernel) as bridge:
        context = browser.new_context(viewport={"width": 1240, "height": 1000})
        shown = ColabHost(context.new_page(), bridge)
        shown.open()
        yield shown
        context.close()


class TestColab(Contract):
    LIMITS: ClassVar[dict[str, str]] = {"link": "what is only pointed at stays in its own output"}

    def test_buffers(self, host: Host, workbench: ShownWorkbench) -> None:
        """The bytes come in Colab's own wrapping, so that the fake is seen to be one."""
        super().test_buffers(host, workbench)
        echo = host.output(ECHO).locator("[data-echo]")
        expect(echo).to_have_attribute("data-kind", "Uint8Array")

    def test_outputs_cannot_see_one_another(self, host: Host) -> None:
        view = host.output(WORKBENCH)
        assert (
            view.evaluate("() => { try { return parent.document.title } catch { return '' } }")
            == ""
        )
