"""A notebook for every browser test; one kernel for those that share a model.

A test that needs a workbench gets a new session in the shared kernel, and fails at its end if the
page complained in its console or asked anything of a machine other than this one.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

import pytest

from tests.browser.notebook_page import NotebookPage
from tests.browser.workbench_page import WorkbenchPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from tests.browser.lab_server import LabServer

    OpenNotebook = Callable[..., NotebookPage]

RESULTS = Path(__file__).parent.parent.parent / "test-results"
VIEWPORT = {"width": 1440, "height": 1000}
PROMPT = "The capital of France is"
SETUP = "import mechwidget as mw\nmodel = mw.load('microcosm')"
SHOW = f"""session = mw.Session(model, {PROMPT!r}, metric=mw.LogitDiff(" Paris", " Rome"))
workbench = mw.Workbench(session)
workbench"""
SLEEP = "import time; time.sleep(8)"
SECOND = "second = mw.Workbench(session)\nsecond"
STRONGEST = """def _strongest():
    with mw.Session(model, session.prompt, metric=session.metric) as probe:
        def moved(head):
            probe.interventions = [mw.Ablate(head)]
            return abs(probe.metric_value - probe.baseline_metric_value)
        heads = [mw.Head(l, h) for l in range(model.n_layers) for h in range(model.n_heads(l))]
        return [(head.layer, head.head) for head in sorted(heads, key=moved, reverse=True)]"""


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Keep a picture of every page of a test that failed, and give its page to no other test."""
    if call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception):
        return
    SPOILED.update(PAGES)
    RESULTS.mkdir(exist_ok=True)
    for page in PAGES:
        if not page.is_closed():
            page.screenshot(path=RESULTS / f"{item.name.replace('/', '-')}-{id(page)}.png")


PAGES = []
LENT: list[Page] = []  # what the next test may have
SPOILED: set[Page] = set()


@contextmanager
def lent(browser: Browser, server: LabServer, name: str) -> Iterator[NotebookPage]:
    """A notebook on the page of the test before: loading JupyterLab takes longer than a test."""
    page = LENT.pop() if LENT else browser.new_context(viewport=VIEWPORT).new_page()
    page.set_viewport_size(VIEWPORT)
    page.mouse.move(0, 0)
    PAGES.append(page)
    notebook = NotebookPage(page, server, name)
    try:
        yield notebook
        notebook.shut_down()
        notebook.close()
        if page not in SPOILED:
            LENT.append(page)
    finally:
        PAGES.remove(page)
        if page not in LENT:
            page.context.close()


@contextmanager
def opened(browser: Browser, server: LabServer, name: str) -> Iterator[NotebookPage]:
    """A tab of its own, closed at the end together with its kernel."""
    context = browser.new_context(viewport=VIEWPORT)
    page = context.new_page()
    PAGES.append(page)
    notebook = NotebookPage(page, server, name)
    try:
        yield notebook
        notebook.shut_down()
    finally:
        PAGES.remove(page)
        context.close()


@pytest.fixture
def open_notebook(
    browser: Browser, server: LabServer, request: pytest.FixtureRequest
) -> Iterator[OpenNotebook]:
    """`open_notebook(cell, …)` → a notebook of this test's own, its kernel idle."""
    notebooks = []
    with ExitStack() as stack:

        def open_it(*cells: str, kernel: str = "python3", new: bool = False) -> NotebookPage:
            way = opened if new else lent
            name = f"{request.node.originalname}.ipynb"
            notebook = stack.enter_context(way(browser, server, name))
            notebooks.append(notebook)
            notebook.open(cells, kernel)
            return notebook

        yield open_it
        check_manners(*notebooks)


def check_manners(*notebooks: NotebookPage) -> None:
    """No complaint in the console, and nothing asked of any other machine."""
    for notebook in notebooks:
        assert notebook.complaints == []
        hosts = {urlparse(url).hostname for url in notebook.requests}
        assert hosts - {None} == {"127.0.0.1"}
        notebook.requests.clear()


@pytest.fixture(scope="session")
def shared_notebook(browser: Browser, server: LabServer) -> Iterator[NotebookPage]:
    """A notebook with microcosm loaded, for all tests that leave its kernel as it was."""
    with opened(browser, server, "shared.ipynb") as notebook:
        notebook.open([SETUP, SHOW, SLEEP, SECOND])
        notebook.run_cell(0)
        notebook.execute(STRONGEST)
        yield notebook


@pytest.fixture
def workbench(shared_notebook: NotebookPage) -> Iterator[WorkbenchPage]:
    """A new session about the capital of France, and its workbench on the page."""
    shared_notebook.complaints.clear()
    shared_notebook.run_cell(1)
    shown = WorkbenchPage(shared_notebook)
    shown.settle()
    yield shown
    shared_notebook.execute("workbench.close(); session.close()")
    check_manners(shared_notebook)


@pytest.fixture(scope="session")
def strong(shared_notebook: NotebookPage) -> list[tuple[int, int]]:
    """The heads of microcosm, (layer, head), those that move the metric most first."""
    shared_notebook.run_cell(1)
    return [(layer, head) for layer, head in shared_notebook.python("_strongest()")]
