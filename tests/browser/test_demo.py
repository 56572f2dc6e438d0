"""`python -m mechwidget.demo`, from a terminal: the tour in a browser, and Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from playwright.sync_api import expect

from mechwidget.microcosm import phenomena
from tests.browser.conftest import VIEWPORT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

COMMAND = [sys.executable, "-m", "mechwidget.demo"]


class Terminal:
    """A program on a terminal of its own, started by a parent that takes Ctrl-C as make does."""

    def __init__(self, *command: str, **environment: str) -> None:
        self.said = ""
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            # A shell starts what runs in the background deaf to Ctrl-C; a terminal does not.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.environ.update(environment)
            status = subprocess.run(command, check=False).returncode
            os._exit(status & 0xFF)

    def read_until(self, pattern: str, seconds: float) -> re.Match[str] | None:
        """What matches in what the program has said so far, as soon as it does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.said):
                return found
            if select.select([self.screen], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self.screen, 4096).decode()
                except OSError:  # the program has ended
                    break
        return re.search(pattern, self.said)

    def press_ctrl_c(self) -> None:
        os.write(self.screen, b"\x03")

    def exit_status(self) -> int:
        """How the program ended; one that does not is killed, so that the test fails and ends."""
        self.read_until("$^", 15)
        deadline = time.monotonic() + 5
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        while not ended and time.monotonic() < deadline:
            time.sleep(0.1)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
            status = os.waitpid(self.pid, 0)[1]
        return os.waitstatus_to_exitcode(status)


def processes_of(folder: str) -> list[list[str]]:
    """The command lines that name `folder`."""
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if any(folder in word for word in line)]


def run_all(page: Page) -> None:
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_selector("text=/Python 3.*\\| Idle/", timeout=60_000)
    page.keyboard.press("Escape")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def test_demo_shows_the_tour_and_stops(browser: Browser) -> None:
    terminal = Terminal(*COMMAND, CI="1")
    url = terminal.read_until(r"http://\S+", 60)
    assert url, terminal.said
    folder = terminal.read_until(r"a copy, in (\S+);", 5).group(1)
    layer, head = phenomena()["heads"]["previous_token"].removeprefix("L").split("H")
    context = browser.new_context(viewport=VIEWPORT)
    try:
        page = context.new_page()
        page.goto(url.group(0))
        run_all(page)
        second = page.locator("[data-testid=mw-workbench]").nth(1)
        ablated = second.get_by_test_id(f"mw-cell-{layer}-{head}")
        expect(ablated).to_have_attribute("data-mark", "whole", timeout=60_000)
        for name in ("previous token", "induction"):  # the menu comes from the kernel
            options = second.locator("option", has_text=re.compile(f"^{name}$"))
            expect(options).to_have_count(1, timeout=60_000)
        assert page.locator(".jp-OutputArea-output[data-mime-type*=stderr]").count() == 0
    finally:
        context.close()
        terminal.press_ctrl_c()
    assert terminal.exit_status() == 0
    assert "Stopping" in terminal.said
    assert processes_of(folder) == []


def test_an_impatient_ctrl_c_leaves_nothing_behind() -> None:
    terminal = Terminal(*COMMAND, CI="1")
    assert terminal.read_until(r"http://\S+", 60), terminal.said
    folder = terminal.read_until(r"a copy, in (\S+);", 5).group(1)
    for _ in range(8):
        terminal.press_ctrl_c()
        time.sleep(0.03)
    assert terminal.exit_status() == 0
    assert terminal.said.count("Stopping") == 1
    assert "Traceback" not in terminal.said
    assert processes_of(folder) == []


def test_closing_the_terminal_stops_the_server() -> None:
    terminal = Terminal(*COMMAND, CI="1")
    assert terminal.read_until(r"http://\S+", 60), terminal.said
    folder = terminal.read_until(r"a copy, in (\S+);", 5).group(1)
    os.close(terminal.screen)
    deadline = time.monotonic() + 15
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(folder) == []
    os.kill(terminal.pid, signal.SIGKILL)
    os.waitpid(terminal.pid, 0)


def test_demo_on_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = os.environ | {"PORT": port}
        done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"mechwidget: port {port} is taken; choose another one with PORT=.\n"
