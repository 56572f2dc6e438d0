"""marimo's editor on a notebook of its own, as a host of the contract.

Flows in: a browser and a folder. Flows out: a `Host`; its kernel is asked over marimo's own route
for code that is run beside the notebook, as its page would ask.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from tests.browser.conftest import RESULTS, VIEWPORT
from tests.browser.lab_server import free_port
from tests.hosts.contract import CELLS, ECHO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page, Request

HEAD = "import marimo\n\napp = marimo.App()\n"
CELL = "\n\n@app.cell\ndef _():\n{}\n    return\n"
SETTINGS = '[display]\ntheme = "light"\n[runtime]\nauto_instantiate = true\n'
START_TIMEOUT_S = 120.0


class MarimoHost:
    """One notebook in `marimo edit`, which runs every cell when it is opened."""

    name = "marimo"
    dark = True
    pictures = RESULTS / "hosts" / "marimo"

    def __init__(self, page: Page, port: int) -> None:
        self.page, self._address = page, f"http://127.0.0.1:{port}"
        self.version = version("marimo")
        self.complaints: list[str] = []
        self._requests: list[str] = []
        self._headers: dict[str, str] = {}
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        self._requests.append(request.url)
        if "marimo-session-id" in request.headers:
            self._headers = {k: v for k, v in request.headers.items() if k.startswith("marimo-")}

    def open(self) -> None:
        """Every cell runs by itself; importing torch takes the longest."""
        self.page.goto(self._address)
        self.output(ECHO).locator("[data-echo]").wait_for(timeout=START_TIMEOUT_S * 1000)

    def run(self, cell: int) -> None:
        self.page.locator("[data-cell-id]").nth(cell).get_by_test_id("run-button").first.click()

    def output(self, cell: int) -> Locator:
        return self.page.locator("[data-cell-id]").nth(cell).locator(".output-area")

    def execute(self, code: str) -> str:
        request = urllib.request.Request(
            f"{self._address}/api/kernel/execute",
            data=json.dumps({"code": code}).encode(),
            headers={"Content-Type": "application/json", **self._headers},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            events = answer.read().decode().split("\n\n")
        said = [event.removeprefix("event: ").split("\ndata: ", 1) for event in events if event]
        printed = {"stdout": "", "stderr": ""}
        for kind, data in said:
            if kind in printed:
                printed[kind] += json.loads(data)["data"]
            elif kind == "done" and not json.loads(data)["success"]:
                raise RuntimeError(f"{code}: {data} {printed['stderr']}")
        return printed["stdout"]

    def python(self, expression: str) -> Any:
        """The value of an expression in the kernel, by way of JSON."""
        return json.loads(self.execute(f"import json as _j; print(_j.dumps({expression}))"))

    def set_theme(self, theme: str) -> None:
        """In the settings, as a person would."""
        page = self.page
        page.get_by_test_id("app-config-button").click()
        page.get_by_text("User settings").first.click()
        choice = page.get_by_test_id("theme-select")
        if not choice.count():
            page.get_by_role("tab", name="Display").click()
        choice.select_option(theme)
        page.wait_for_selector(f"body.{theme}", state="attached")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")

    def foreign_requests(self) -> list[str]:
        local = {"127.0.0.1", None}
        return [url for url in self._requests if urlparse(url).hostname not in local]


@contextmanager
def opened(browser: Browser, folder: Path) -> Iterator[MarimoHost]:
    """The host with every cell run, until the block ends."""
    port = free_port()
    with running(folder, port):
        context = browser.new_context(viewport=VIEWPORT)
        host = MarimoHost(context.new_page(), port)
        try:
            host.open()
            yield host
        finally:
            context.close()


@contextmanager
def running(folder: Path, port: int) -> Iterator[None]:
    """The server, with settings of its own."""
    settings = folder / "config" / "marimo" / "marimo.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(SETTINGS)
    cells = [CELL.format(textwrap.indent(code, "    ")) for code in CELLS]
    (folder / "hosts.py").write_text("".join([HEAD, *cells]))
    options = ["--headless", "--no-token", "--skip-update-check", "--port", str(port)]
    homes = {name: str(folder / "config") for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    with (folder / "marimo.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "marimo", "-y", "edit", str(folder / "hosts.py"), *options],
            env={**os.environ, **homes},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait(f"http://127.0.0.1:{port}/health", server, folder / "marimo.log")
        yield
    finally:
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(15)
        server.kill()
        server.wait()


def wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(address, timeout=2).close()
            return
        time.sleep(0.1)
    raise RuntimeError("marimo did not start:\n" + log.read_text())
