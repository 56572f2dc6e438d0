"""`python -m mechwidget.demo`: the tour notebook, in a JupyterLab of its own.

Flows in: `PORT` from the environment (otherwise a free port is found). Flows out: a scratch
folder with a copy of the tour, a JupyterLab server on this machine only, its URL on the terminal
and, where there is a screen, a browser tab. Ctrl-C (or the end of whoever started us) stops the
server and its kernels.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from contextlib import closing, contextmanager, suppress
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTEBOOK = "tour.ipynb"
CONFIG = ".jupyter"
# JupyterLab would ask about news in front of the tour, and look for updates on the network.
QUIET = {"@jupyterlab/apputils-extension:announcements": True}
PREFERRED_PORTS = range(8888, 8908)
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 10.0


class DemoError(Exception):
    """Something that keeps the demo from starting; the message is all that a person needs."""


def is_free(port: int) -> bool:
    """Whether this machine lets us listen on `port`."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def choose_port(asked: str) -> int:
    """The port that was asked for, if it can be had; else the first free one from 8888 on."""
    if asked:
        if not (asked.isascii() and asked.isdigit()):
            raise DemoError(f"PORT={asked} is not a number.")
        if not is_free(int(asked)):
            raise DemoError(f"port {asked} is taken; choose another one with PORT=.")
        return int(asked)
    for port in PREFERRED_PORTS:
        if is_free(port):
            return port
    first, last = PREFERRED_PORTS[0], PREFERRED_PORTS[-1]
    raise DemoError(f"ports {first} to {last} are all taken; choose another one with PORT=.")


def copy_tour() -> Path:
    """A new scratch folder with the tour in it, so that nobody edits the package."""
    folder = Path(tempfile.mkdtemp(prefix="mechwidget-tour-"))
    with as_file(files("mechwidget") / "notebooks" / NOTEBOOK) as source:
        shutil.copyfile(source, folder / NOTEBOOK)
    config = folder / CONFIG / "labconfig"
    config.mkdir(parents=True)
    (config / "page_config.json").write_text(json.dumps({"disabledExtensions": QUIET}))
    return folder


def start_server(folder: Path, port: int, token: str) -> subprocess.Popen[bytes]:
    """JupyterLab on `folder`, in a process group of its own, its log beside the notebook."""
    if find_spec("jupyterlab") is None:
        raise DemoError("JupyterLab is not installed; pip install 'mechwidget[lab]'.")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={folder}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    with (folder / ".jupyterlab.log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C reaches us alone, and we stop the server in order
            env={**os.environ, "JUPYTER_TOKEN": token, "JUPYTER_CONFIG_PATH": str(folder / CONFIG)},
        )


def wait_until_up(server: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Return when the server answers; raise when it ended or took too long."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2).close()
            return
        time.sleep(0.1)
    raise DemoError(f"JupyterLab did not start; its log is {folder / '.jupyterlab.log'}")


def stop_server(server: subprocess.Popen[bytes]) -> None:
    """Let the server shut its kernels down; insist if it does not."""
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def open_browser(url: str) -> None:
    """Open a tab where there is a screen; elsewhere the printed URL is enough."""
    on_a_screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if on_a_screen and not os.environ.get("CI"):
        with suppress(webbrowser.Error):
            webbrowser.open(url)


def stopping_signals() -> list[signal.Signals]:
    """What asks this process to stop, where it listens: started in the background it is deaf."""
    names = {"SIGINT", "SIGTERM", "SIGHUP"} & set(dir(signal))
    numbers = [signal.Signals[name] for name in names]
    return [one for one in numbers if signal.getsignal(one) is not signal.SIG_IGN]


def stop_once(*_: object) -> None:
    """Interrupt what runs, and be deaf from then on: a second Ctrl-C would leave the server."""
    for number in stopping_signals():
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def stopped_once() -> Iterator[None]:
    """`stop_once` for what asks this process to stop; once it was asked to, it stays deaf."""
    before = {number: signal.signal(number, stop_once) for number in stopping_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is stop_once:
                signal.signal(number, handler)


@contextmanager
def in_the_foreground() -> Iterator[None]:
    """Take Ctrl-C from the terminal ourselves, so that `make demo` ends with 0 and not with 130.

    `make` is in the terminal's foreground group as well and would call an interrupt an error.
    Without a terminal, or in the background, nothing changes hands.
    """
    ours = hasattr(os, "tcgetpgrp") and sys.stdin.isatty() and os.getpid() != os.getpgrp()
    foreground = os.tcgetpgrp(0) if ours else None
    if foreground is None or foreground != os.getpgrp():
        yield
        return
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # we give the terminal back from the background
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    try:
        yield
    finally:
        os.tcsetpgrp(0, foreground)


def serve(asked_port: str) -> None:
    """Run the demo until it is interrupted, the server ends, or nobody is there any more."""
    port = choose_port(asked_port)
    folder = copy_tour()
    token = secrets.token_urlsafe(16)
    parent, terminal = os.getppid(), os.isatty(0)
    server = start_server(folder, port, token)
    try:
        wait_until_up(server, port, folder)
        url = f"http://127.0.0.1:{port}/lab/tree/{NOTEBOOK}?token={token}"
        say(f"\n  The tour is open at\n\n    {url}\n\n  (a copy, in {folder}; Ctrl-C stops)\n")
        open_browser(url)
        while server.poll() is None and os.getppid() == parent and os.isatty(0) == terminal:
            time.sleep(0.3)
    except KeyboardInterrupt:
        say("\n  Stopping JupyterLab …")
    finally:
        stop_server(server)


def say(text: str) -> None:
    """One message to the person at the terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(port: str | None = None) -> int:
    """Exit status: 0 after a clean stop, 1 with one line when the demo cannot start."""
    try:
        with stopped_once(), in_the_foreground():
            serve(os.environ.get("PORT", "") if port is None else port)
    except DemoError as error:
        sys.stderr.write(f"mechwidget: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
