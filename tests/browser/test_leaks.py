"""What a view held is freed when it goes: the page is as it was, however often it was shown.

Measured as Chromium counts, after garbage collection. JupyterLab itself keeps something of every
widget (a plain button leaves four elements behind, and any anywidget the text of its traits), so
what counts is that there is not more.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import pytest

from mechwidget.views.bundle import SCRIPT, STATIC, STYLE
from tests.browser.conftest import SETUP, SHOW
from tests.browser.workbench_page import WorkbenchPage

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession

    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser

CLOSE = "workbench.close()\nsession.close()"
ROUNDS = 8


def counted(chromium: CDPSession) -> dict[str, float]:
    """The page's elements, listeners and bytes of heap, without what is only garbage."""
    for _ in range(3):
        chromium.send("HeapProfiler.collectGarbage")
    metrics = chromium.send("Performance.getMetrics")["metrics"]
    names = ("Nodes", "JSEventListeners", "JSHeapUsedSize")
    return {metric["name"]: metric["value"] for metric in metrics if metric["name"] in names}


def test_a_closed_workbench_leaves_nothing_on_the_page(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, SHOW, new=True)
    notebook.run_cell(0)
    chromium = notebook.page.context.new_cdp_session(notebook.page)
    chromium.send("Performance.enable")
    seen = []
    for _ in range(ROUNDS):
        notebook.run_cell(1)
        workbench = WorkbenchPage(notebook)
        workbench.settle()
        workbench.cell(1, 2).hover()
        workbench.click(1, 2)
        notebook.execute(CLOSE)
        notebook.clear_cell(1)
        seen.append(counted(chromium))

    def growth(name: str) -> float:
        """From one round to the next; the middle one, since JupyterLab does things of its own."""
        return median(later[name] - earlier[name] for earlier, later in pairwise(seen[1:]))

    front_end = sum((STATIC / name).stat().st_size for name in (SCRIPT, STYLE))
    assert growth("Nodes") <= 6
    assert growth("JSEventListeners") <= 8
    assert growth("JSHeapUsedSize") <= 6 * front_end  # not a module more each time
