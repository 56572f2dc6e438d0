"""`make bench-click`: from a click on a head to painted pixels, in JupyterLab, on microcosm.

Flows in: nothing. Flows out: a table on the terminal and a section of RESULTS.md. Beside our
time stands that of an empty anywidget in the same page, which only sends a message and gets one
back; the difference is what mechwidget answers for.

A click's time is the event's own timestamp. The paint is the second animation frame after the
outcome on the page has changed: the first is the one that draws it, and the second begins when that
has been drawn, so up to one frame (16.7 ms) of what is counted is waiting.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.benchmarks import results
from tests.browser.chromium import SWITCHES, find_chromium
from tests.browser.conftest import PROMPT, SETUP, SHOW, VIEWPORT
from tests.browser.lab_server import LabServer
from tests.browser.notebook_page import NotebookPage
from tests.browser.workbench_page import WorkbenchPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HEADING = "Click to painted pixels"
WARM_UP, CLICKS = 10, 100
TARGET_MS = 60
PACKAGES = ("torch", "transformers", "anywidget", "jupyterlab", "ipykernel")

BARE = '''import anywidget

class Bare(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
      const button = document.createElement("button");
      button.className = "bare";
      button.textContent = "bare";
      button.onclick = () => model.send({});
      model.on("msg:custom", () => window.bareAnswered?.());
      el.append(button);
    } };
    """

bare = Bare()
bare.on_msg(lambda *_: bare.send({}))
bare'''

# Both return a promise that is kept when a click's answer is there, in ms after the click.
BARE_ROUND_TRIP = """() => {
  window.clicked = new Promise(resolve => {
    let start;
    document.querySelector(".bare").addEventListener(
      "click", event => { start = event.timeStamp; }, { once: true, capture: true });
    window.bareAnswered = () => resolve(performance.now() - start);
  });
}"""
CLICK_TO_PAINT = """([cell, root]) => {
  const target = document.querySelector(cell), watched = document.querySelector(root);
  window.clicked = new Promise(resolve => {
    let start;
    const painted = then => requestAnimationFrame(() => requestAnimationFrame(then));
    target.addEventListener("click", event => {
      start = event.timeStamp;
      painted(() => { window.pressed = performance.now() - start; });
    }, { once: true, capture: true });
    const observer = new MutationObserver(() => {
      const { mwRevision, mwOutcomeRevision } = watched.dataset;
      if (mwRevision !== mwOutcomeRevision) return;
      observer.disconnect();
      painted(() => resolve(performance.now() - start));
    });
    observer.observe(watched, { attributeFilter: ["data-mw-outcome-revision"] });
  });
}"""


def clicked(page: Page) -> float:
    return page.evaluate("() => window.clicked")


def bare_round_trips(page: Page) -> list[float]:
    button = page.locator(".bare")
    times = []
    for _ in range(WARM_UP + CLICKS):
        page.evaluate(BARE_ROUND_TRIP)
        button.click()
        times.append(clicked(page))
    return times[WARM_UP:]


def clicks_to_paint(workbench: WorkbenchPage) -> tuple[list[float], list[float]]:
    """Times to the pressed state and to the numbers, clicking through all heads of the model."""
    page, pressed, painted = workbench.page, [], []
    cells = workbench.root.locator("[data-testid^=mw-cell-]")
    heads = [cell.get_attribute("data-testid") for cell in cells.all()]
    for index in range(WARM_UP + CLICKS):
        head = heads[index // 2 % len(heads)]  # ablate it, then restore it
        selector = f"{workbench.selector} [data-testid={head}]"
        page.evaluate(CLICK_TO_PAINT, [selector, workbench.selector])
        page.locator(selector).click()
        painted.append(clicked(page))
        pressed.append(page.evaluate("() => window.pressed"))
        workbench.settle()
    return pressed[WARM_UP:], painted[WARM_UP:]


def measure(browser: Browser, server: LabServer) -> dict[str, list[float]]:
    notebook = NotebookPage(browser.new_page(viewport=VIEWPORT), server, "bench.ipynb")
    notebook.open([BARE, SHOW, SETUP])
    for cell in (2, 0, 1):
        notebook.run_cell(cell)
    workbench = WorkbenchPage(notebook)
    workbench.settle()
    unknown = f"{workbench.selector} .mw-cell[data-unknown]"
    notebook.page.wait_for_function("s => !document.querySelector(s)", arg=unknown)
    bare = bare_round_trips(notebook.page)
    pressed, painted = clicks_to_paint(workbench)
    return {
        "bare comm round trip": bare,
        "click to pressed head": pressed,
        "click to painted numbers": painted,
    }


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def report(times: dict[str, list[float]], chromium: str) -> list[str]:
    """The section, without its heading."""
    rows = [
        f"| {name} | {statistics.median(values):.1f} | {p95(values):.1f} |"
        for name, values in times.items()
    ]
    bare, _, ours = (statistics.median(values) for values in times.values())
    verdict = "under" if ours - bare < TARGET_MS else "OVER"
    return [
        f"{results.versions(*PACKAGES)}, {chromium}; {results.processor()}.",
        "",
        f"{CLICKS} clicks on the heads of microcosm, one after the other,",
        f'after {WARM_UP} to warm up; the prompt is "{PROMPT}".',
        "",
        "| ms | median | p95 |",
        "|---|---|---|",
        *rows,
        "",
        f"Ours beyond the bare, median: {ours - bare:.1f} ms;",
        f"{verdict} the {TARGET_MS} ms allowed.",
    ]


def main() -> None:
    program = find_chromium()
    if program is None:
        raise SystemExit("mechwidget: no Chromium or Chrome on this machine.")
    with (
        tempfile.TemporaryDirectory() as folder,
        LabServer(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        lines = report(measure(browser, server), f"Chromium {browser.version}")
        browser.close()
    print(results.write(HEADING, lines))


if __name__ == "__main__":
    main()
