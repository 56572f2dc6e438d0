"""JupyterLab and Notebook 7, served by one server, as hosts of the contract.

Flows in: a browser and the running server. Flows out: a `Host` for each of the two pages; the
kernel of each is asked over the connection of its own page.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from tests.browser.conftest import RESULTS, VIEWPORT
from tests.browser.notebook_page import NotebookPage
from tests.hosts.contract import CELLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

    from tests.browser.lab_server import LabServer
    from tests.hosts.shared_kernel import SharedKernel


class JupyterHost:
    """One notebook in JupyterLab."""

    name = "JupyterLab"
    package = "jupyterlab"
    path = "lab/tree"
    dark = True

    def __init__(self, page: Page, server: LabServer) -> None:
        self.page = page
        self.version = version(self.package)
        self.pictures = RESULTS / "hosts" / self.name.lower().replace(" ", "-")
        self.notebook = NotebookPage(page, Served(server, self.path), f"hosts-{self.package}.ipynb")

    @property
    def complaints(self) -> list[str]:
        return self.notebook.complaints

    def open(self, kernel: SharedKernel) -> None:
        kernel.attach(self.notebook.name)
        self.notebook.open(CELLS)
        # Notebook 7.6 complains about a schema while it starts, also in an empty notebook.
        self.notebook.complaints.clear()
        for cell in range(len(CELLS)):
            self.run(cell)

    def run(self, cell: int) -> None:
        self.notebook.run_cell(cell)

    def output(self, cell: int) -> Locator:
        return self.page.locator(f"[data-windowed-list-index='{cell}'] .jp-Cell-outputArea")

    def execute(self, code: str) -> str:
        return self.notebook.execute(code)

    def python(self, expression: str) -> Any:
        return self.notebook.python(expression)

    def set_theme(self, theme: str) -> None:
        self.notebook.set_theme(f"JupyterLab {theme.title()}")

    def foreign_requests(self) -> list[str]:
        local = {"127.0.0.1", None}
        return [url for url in self.notebook.requests if urlparse(url).hostname not in local]


class NotebookHost(JupyterHost):
    """The same notebook in Notebook 7."""

    name = "Notebook"
    package = "notebook"
    path = "notebooks"


class Served:
    """The server as a `NotebookPage` asks it for an address, for another of its pages."""

    def __init__(self, server: LabServer, path: str) -> None:
        self.root = server.root
        self._server = server
        self._path = path

    def url(self, name: str) -> str:
        return self._server.url(name).replace("/lab/tree/", f"/{self._path}/")


@contextmanager
def opened(
    made: type[JupyterHost], browser: Browser, server: LabServer, kernel: SharedKernel
) -> Iterator[JupyterHost]:
    """The host with every cell run, until the block ends."""
    context = browser.new_context(viewport=VIEWPORT)
    host = made(context.new_page(), server)
    try:
        host.open(kernel)
        yield host
    finally:
        context.close()
