"""What the JupyterLab extension costs at start, until JupyterLab is restored on the page.

One server, one browser, cold caches; pages with our extension and pages from whose list of
extensions it was taken out, in turn, so that both see the same machine. What starting the server
costs is in `server_routes`.

    python -m tests.benchmarks.lab_start [PAIRS]
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.benchmarks.results import processor, versions, write
from tests.browser.chromium import SWITCHES, find_chromium
from tests.browser.lab_server import LabServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

HEADING = "Start of JupyterLab with the extension"
PAIRS = 12
CONFIG = re.compile(r'(<script id="jupyter-config-data"[^>]*>)(.*?)(</script>)', re.DOTALL)
RESTORED = """async () => {
  while (!window.jupyterapp) await new Promise(done => setTimeout(done, 1));
  await window.jupyterapp.restored;
  return performance.now();
}"""


def page_without(html: str) -> str:
    """The page with our extension out of the list of those that it loads."""

    def taken_out(found: re.Match[str]) -> str:
        config = json.loads(found[2])
        extensions = config["federated_extensions"]
        config["federated_extensions"] = [e for e in extensions if e["name"] != "mechwidget"]
        assert len(config["federated_extensions"]) == len(extensions) - 1
        return found[1] + json.dumps(config) + found[3]

    return CONFIG.sub(taken_out, html)


def start(browser: Browser, server: LabServer, ours: bool) -> float:
    """Milliseconds until JupyterLab is there."""

    def page(route: Route) -> None:
        answer = route.fetch()
        body = answer.text()
        route.fulfill(response=answer, body=body if ours else page_without(body))

    with browser.new_context() as context:
        shown = context.new_page()
        shown.route(re.compile(r"/lab\?"), page)
        shown.goto(f"http://127.0.0.1:{server.port}/lab?token={server.token}&reset")
        return shown.evaluate(RESTORED)


def measure(pairs: int) -> tuple[list[float], list[float]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        LabServer(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        for ours in (True, False):
            start(browser, server, ours)  # the server's own first time
        turns = [
            (start(browser, server, True), start(browser, server, False)) for _ in range(pairs)
        ]
        browser.close()
    return [ours for ours, _ in turns], [without for _, without in turns]


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    ours, without = measure(pairs)
    ratios = [a / b for a, b in zip(ours, without, strict=True)]
    lines = [
        f"{versions('jupyterlab', 'playwright')}. {processor()}. {pairs} pairs, cold caches.",
        "",
        "| | median ms | min ms |",
        "|---|---|---|",
        f"| with the extension | {statistics.median(ours):.0f} | {min(ours):.0f} |",
        f"| without it | {statistics.median(without):.0f} | {min(without):.0f} |",
        f"| with ÷ without | {statistics.median(ratios):.3f} | {min(ours) / min(without):.3f} |",
    ]
    print(write(HEADING, lines))


if __name__ == "__main__":
    main()
