"""`make bench-views`: what each explaining view sends, and how long it takes to its first picture.

Flows in: a model of GPT-2 small's shape with random weights, a prompt of 128 tokens, JupyterLab.
Flows out: a table on the terminal and a section of RESULTS.md.

Bytes are what the page's websockets receive from running the cell that shows the view until it has
settled: nothing on it says any more that it waits. A token strip shown in the same way is what
showing any view costs, and the ratio is to that; the front end itself is on the page before.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

import mechwidget as mw
from tests.benchmarks import results
from tests.benchmarks.click_to_paint import PACKAGES
from tests.browser.chromium import SWITCHES, find_chromium
from tests.browser.conftest import VIEWPORT
from tests.browser.lab_server import LabServer
from tests.browser.notebook_page import RUN_CELL, NotebookPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HEADING = "The explaining views on GPT-2 small's shape at 128 tokens"
BARE = mw.TokenStrip
VIEWS = (mw.AttributionView, mw.NeuronView, mw.WeightsView, mw.EmbeddingView, mw.CacheView)
TOKENS, TURNS = 128, 3

SETUP = f"""import torch, transformers
import mechwidget as mw
torch.manual_seed(0)
model = mw.wrap(transformers.GPT2LMHeadModel(transformers.GPT2Config()).eval())
def prompt():
    return torch.randint(0, 50257, ({TOKENS},)).tolist()
session = mw.Session(model, prompt())
session.wait()"""
NEW_PROMPT = "session.prompt = prompt(); session.wait()"

# When the view began to be settled and then stayed so, in ms after the cell was run.
SETTLED = """([index, selector]) => new Promise(resolve => {
  const start = performance.now();
  let since = null;
  const look = () => {
    const view = document.querySelector(selector);
    const now = performance.now();
    const busy = !view || view.querySelector("[data-waiting], [aria-busy=true]") !== null;
    since = busy ? null : since ?? now;
    if (since !== null && now - since > 500) resolve(since - start);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  (RUN)(index);
})""".replace("RUN", RUN_CELL)

Shown = tuple[float, int]


def shown(page: Page, notebook: NotebookPage, cell: int, name: str, received: list[int]) -> Shown:
    """Milliseconds and bytes until the view of a prompt that nobody has looked at has settled."""
    notebook.execute(NEW_PROMPT)
    received.clear()
    took = float(page.evaluate(SETTLED, [cell, f"[data-testid=mw-view-{name}]"]))
    n_bytes = sum(received)
    notebook.execute("view.close()")
    notebook.clear_cell(cell)
    return took, n_bytes


def measure(browser: Browser, server: LabServer) -> dict[str, list[Shown]]:
    """Every view in turn, the bare one first in each."""
    page = browser.new_page(viewport=VIEWPORT)
    received: list[int] = []
    page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda f: received.append(len(f)))
    )
    notebook = NotebookPage(page, server, "views.ipynb")
    views = (BARE, *VIEWS)
    notebook.open([SETUP, *(f"view = mw.{each.__name__}(session)\nview" for each in views)])
    notebook.run_cell(0)
    found: dict[str, list[Shown]] = {each.__name__: [] for each in views}
    for turn in range(TURNS + 1):
        for cell, each in enumerate(views, start=1):
            one = shown(page, notebook, cell, each.view, received)
            if turn:  # the first brings the front end
                found[each.__name__].append(one)
    return found


def report(found: dict[str, list[Shown]], chromium: str) -> list[str]:
    """The section, without its heading."""
    middle = {name: statistics.median(ms for ms, _ in some) for name, some in found.items()}
    bare = middle[BARE.__name__]
    rows = [
        f"| `{name}` | {max(n for _, n in some) / 1000:.0f} | {middle[name]:.0f} "
        f"| {middle[name] / bare:.1f} |"
        for name, some in found.items()
    ]
    return [
        f"{results.versions(*PACKAGES)}, {chromium}; {results.processor()}.",
        "",
        "Random weights, 12 layers of 12 heads, width 768, 50,257 tokens in the vocabulary; a new",
        f"prompt of {TOKENS} tokens each time, median of {TURNS} turns.",
        "",
        "| view | received, kB | first picture, ms | ÷ a token strip's |",
        "|---|---|---|---|",
        *rows,
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
        found = measure(browser, server)
        lines = report(found, f"Chromium {browser.version}")
        browser.close()
    print(results.write(HEADING, lines))


if __name__ == "__main__":
    main()
