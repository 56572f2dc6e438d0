"""`make bench-frames`: hovering over 1,024 tokens, and the first picture, in JupyterLab.

Flows in: a model of 12 layers of 12 heads with random weights, and a prompt of 1,024 tokens. Flows
out: a table on the terminal and a section of RESULTS.md.

A frame's cost is what Chromium's main thread does between two frames while the pointer moves, from
its own trace: script, style, layout and paint of the whole page, JupyterLab's included. The first
picture is counted from running the cell that shows the view to the second animation frame after
the picture is complete.
"""

from __future__ import annotations

import statistics
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from tests.benchmarks import results
from tests.benchmarks.click_to_paint import PACKAGES
from tests.browser.chromium import SWITCHES, find_chromium
from tests.browser.conftest import VIEWPORT
from tests.browser.lab_server import LabServer
from tests.browser.notebook_page import RUN_CELL, NotebookPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

HEADING = "The attention view at 1,024 tokens"
TOKENS, MOVES = 1024, 240
TARGET_MS = 1000 / 60
FRAMES = "devtools.timeline,disabled-by-default-devtools.timeline"

SETUP = f"""import torch, transformers
import mechwidget as mw
torch.manual_seed(0)
config = transformers.GPT2Config(vocab_size=512, n_positions={TOKENS}, n_embd=144, n_layer=12,
                                 n_head=12, initializer_range=0.3)
model = mw.wrap(transformers.GPT2LMHeadModel(config).eval())
ids = torch.randint(0, 512, ({TOKENS},)).tolist()
session = mw.Session(model, ids)
session.wait()"""
SHOW = "view = mw.AttentionView(session)\nview"

# Kept when the picture that was asked for is complete and on the screen, in ms after the asking.
PICTURE = """([index, selector]) => new Promise(resolve => {
  const start = performance.now();
  const look = () => {
    const pane = document.querySelector(".mw-attention");
    const shown = pane && pane.querySelector(selector);
    if (!shown || shown.hidden || pane.hasAttribute("data-waiting")) {
      requestAnimationFrame(look);
      return;
    }
    requestAnimationFrame(() => resolve(performance.now() - start));
  };
  requestAnimationFrame(look);
  if (index !== null) (RUN)(index);
})""".replace("RUN", RUN_CELL)


def first_picture(page: Page) -> float:
    """Milliseconds from running the cell to one head large, all there."""
    return float(page.evaluate(PICTURE, [1, ".mw-large .mw-matrix:not([hidden])"]))


def all_heads(page: Page, shown: Locator) -> float:
    """Milliseconds from choosing all heads to the pictures in sight."""
    shown.get_by_test_id("mw-attention-model").click()
    return float(page.evaluate(PICTURE, [None, ".mw-thumbnail"]))


def hover_costs(page: Page, area: Locator) -> list[float]:
    """Milliseconds of main-thread work of every frame while the pointer moves over an area."""
    box = area.bounding_box()
    if box is None:
        raise RuntimeError("what is to be hovered over is not on the page")
    devtools = page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    devtools.on("Tracing.dataCollected", lambda said: events.extend(said["value"]))
    done: list[bool] = []
    devtools.on("Tracing.tracingComplete", lambda _: done.append(True))
    devtools.send("Tracing.start", {"categories": FRAMES, "transferMode": "ReportEvents"})
    for move in range(MOVES):
        along = move / MOVES
        x = box["x"] + box["width"] * (0.05 + 0.4 * abs((7 * along) % 2 - 1))
        y = box["y"] + box["height"] * (0.5 + 0.45 * along)
        page.mouse.move(x, y)
        page.wait_for_timeout(1000 / 60)
    devtools.send("Tracing.end")
    while not done:
        page.wait_for_timeout(20)
    devtools.detach()
    return frame_costs(events)


def frame_costs(events: list[dict[str, Any]]) -> list[float]:
    """The work between one frame of the main thread and the next, in ms, from a trace."""
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "FireAnimationFrame" or event["name"] == "EventDispatch"
    }
    own = [event for event in events if (event.get("pid"), event.get("tid")) in main]
    tasks = sorted(
        (event["ts"], event["dur"])
        for event in own
        if event["name"] == "RunTask" and "dur" in event
    )
    starts = sorted(event["ts"] for event in own if event["name"] == "FireAnimationFrame")
    costs = []
    for start, end in pairwise(starts):
        # A task that runs a frame began before its callback did.
        costs.append(sum(lasted for at, lasted in tasks if start <= at + lasted < end) / 1000)
    return costs


def measure(browser: Browser, server: LabServer) -> tuple[dict[str, float], dict[str, list[float]]]:
    page = browser.new_page(viewport=VIEWPORT)
    notebook = NotebookPage(page, server, "frames.ipynb")
    notebook.open([SETUP, SHOW])
    notebook.run_cell(0)
    first = first_picture(page)
    shown = page.get_by_test_id("mw-view-attention")
    shown.scroll_into_view_if_needed()
    large = hover_costs(page, shown.locator(".mw-matrix canvas"))
    pictures = all_heads(page, shown)
    many = hover_costs(page, shown.locator(".mw-multiples-rows"))
    times = {"one head large": first, "all 144 heads": pictures}
    return times, {"one head large": large, "all 144 heads": many}


def p95(costs: list[float]) -> float:
    return statistics.quantiles(costs, n=20)[-1]


def report(times: dict[str, float], costs: dict[str, list[float]], chromium: str) -> list[str]:
    """The section, without its heading."""
    rows = [
        f"| {name} | {times[name]:.0f} | {statistics.median(some):.1f} | {p95(some):.1f} "
        f"| {len(some)} | {'met' if p95(some) <= TARGET_MS else '**missed**'} |"
        for name, some in costs.items()
    ]
    return [
        f"{results.versions(*PACKAGES)}, {chromium}; {results.processor()}.",
        "",
        f"12 layers of 12 heads with random weights, {TOKENS:,} tokens; {MOVES} moves of the",
        "pointer. Script, style, layout and paint of the whole page, per frame; the allowed",
        f"p95 is {TARGET_MS:.1f} ms.",
        "",
        "| view | first picture, ms | frame, median, ms | p95, ms | frames | p95 ≤ 16.7 |",
        "|---|---|---|---|---|---|",
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
        times, costs = measure(browser, server)
        lines = report(times, costs, f"Chromium {browser.version}")
        browser.close()
    print(results.write(HEADING, lines))


if __name__ == "__main__":
    main()
