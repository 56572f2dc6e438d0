"""One JupyterLab and one Chromium for all browser tests; a tab of its own for each notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.chromium import SWITCHES, find_chromium
from tests.browser.lab_server import LabServer
from tests.browser.notebook_page import NotebookPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

VIEWPORT = {"width": 1440, "height": 1000}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip("not run: no Chromium or Chrome on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def open_notebook(browser: Browser, server: LabServer) -> Iterator[Callable[..., NotebookPage]]:
    """`open_notebook("name.ipynb", [cell, …])` → a NotebookPage whose kernel is idle."""
    contexts = []

    def open_it(name: str, sources: list[str]) -> NotebookPage:
        context = browser.new_context(viewport=VIEWPORT)
        contexts.append(context)
        notebook = NotebookPage(context.new_page(), server, name)
        notebook.open(sources)
        return notebook

    yield open_it
    for context in contexts:
        context.close()
