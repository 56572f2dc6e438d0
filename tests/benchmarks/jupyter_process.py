"""A Jupyter server in a process of its own, as a person starts it, with our extension or without.

In flow a folder, a module to run (`jupyter_server`, `jupyterlab`) and settings; out flow a port, a
token, and how long it took until the first request was answered.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.browser.lab_server import free_port

SECONDS = 120
CONFIG = """
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
"""


class JupyterProcess:
    """Attributes: url (of the server, with a slash), token, seconds (until it answered)."""

    def __init__(self, folder: Path, module: str, ours: bool = True, **settings: Any) -> None:
        self.root = folder / "root"
        self.token = secrets.token_hex(8)
        self._folder = folder
        self._module = module
        self._ours = ours
        self._settings = settings

    def __enter__(self) -> Self:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        self._configure(port)
        folders = {f"JUPYTER_{n}_DIR": str(self._folder / n) for n in ("CONFIG", "DATA", "RUNTIME")}
        # Modules are compiled before, as those of anything that is installed are.
        compiled = {"PYTHONPYCACHEPREFIX": str(self._folder.parent / "compiled")}
        own = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            env={**own, **folders, **compiled, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait()
        self.seconds = time.perf_counter() - began
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        self._process.kill()
        self._process.wait()

    def _configure(self, port: int) -> None:
        for folder in (self.root, self._folder / "CONFIG"):
            folder.mkdir(parents=True, exist_ok=True)
        lines = [CONFIG, f"c.ServerApp.port = {port}", f"c.ServerApp.root_dir = {str(self.root)!r}"]
        lines += [f"c.IdentityProvider.token = {self.token!r}"]
        lines += [f"c.ServerApp.jpserver_extensions = {{'mechwidget.server': {self._ours}}}"]
        lines += [
            f"c.MechwidgetServer.{name} = {value!r}" for name, value in self._settings.items()
        ]
        (self._folder / "CONFIG" / "jupyter_server_config.py").write_text("\n".join(lines))

    def _wait(self) -> None:
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends and self._process.poll() is None:
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"{self.url}api", timeout=2).close()
                return
            time.sleep(0.005)
        raise RuntimeError(f"{self._module} did not start")

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """JSON of the server's answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}"}
        asked = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            return json.load(answer)
