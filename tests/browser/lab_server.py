"""A real JupyterLab on this machine, in scratch folders, for as long as a `with` block lasts.

Flows in: a folder to live in, and warm kernels where starting one is not what is tested. Flows out:
a URL with a token. The server is configured the way JupyterLab configures itself for its own
browser tests, which puts the application object on the page as `window.jupyterapp`.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.warm_kernels import WarmKernels

CONFIG = """
from jupyterlab.galata import configure_jupyter_server
configure_jupyter_server(c)
c.JupyterNotebookApp.expose_app_in_browser = True
c.ServerApp.port = {port}
c.ServerApp.root_dir = {root!r}
c.ServerApp.allow_root = True
c.IdentityProvider.token = {token!r}
c.LabApp.user_settings_dir = {settings!r}
c.LabApp.workspaces_dir = {workspaces!r}
"""
QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
START_TIMEOUT_S = 90.0


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LabServer:
    """Attributes: root (the folder that is served), port, token."""

    def __init__(self, folder: Path, kernels: WarmKernels | None = None) -> None:
        self.kernels = kernels
        self.folder = folder
        self.root = folder / "root"
        self.port = free_port()
        self.token = secrets.token_hex(8)

    def url(self, path: str) -> str:
        """The page that shows one notebook, and nothing that an earlier page left open."""
        return f"http://127.0.0.1:{self.port}/lab/tree/{path}?token={self.token}&reset"

    def __enter__(self) -> Self:
        self._write_configuration()
        environment = {
            **os.environ,
            "IPYTHONDIR": str(self.folder / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTER_PATH": str(self.folder / "first"),  # before the environment's own
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTER_PLATFORM_DIRS": "1",
        }
        with (self.folder / "lab.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _write_configuration(self) -> None:
        for name in ("root", "config", "settings", "workspaces"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        quiet = self.folder / "settings" / "@jupyterlab" / "apputils-extension"
        quiet.mkdir(parents=True)
        (quiet / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
        if self.kernels:
            spec = self.folder / "first" / "kernels" / "python3"
            spec.mkdir(parents=True)
            (spec / "kernel.json").write_text(json.dumps(self.kernels.spec))
        text = CONFIG.format(
            port=self.port,
            root=str(self.root),
            token=self.token,
            settings=str(self.folder / "settings"),
            workspaces=str(self.folder / "workspaces"),
        )
        (self.folder / "config" / "jupyter_server_config.py").write_text(text)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api", timeout=2).close()
                return
            time.sleep(0.1)
        raise RuntimeError("JupyterLab did not start:\n" + (self.folder / "lab.log").read_text())
