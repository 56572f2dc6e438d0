"""A real Jupyter server in a thread of this process, and a client that checks every answer.

In flow a folder and a configuration; out flows a client whose every response is held against
`rest-api.yaml`. In this process, so that a test can break what the server stands on.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from contextlib import suppress
from typing import Any, Self
from urllib.parse import quote

import httpx
from jupyter_server.serverapp import ServerApp
from traitlets.config import Config

from tests.server.described import check

BASE = "/user/a%40b/"
SECONDS = 60


class Jupyter:
    """Attributes: root (the folder that is served), app (the server), ours (the extension)."""

    def __init__(self, root, config=None, **server: Any) -> None:
        self.root = root
        self.token = secrets.token_hex(8)
        self._config = Config(config or {})
        self._server = server
        self._ready = threading.Event()
        self._trouble: BaseException | None = None

    def __enter__(self) -> Self:
        self.root.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(SECONDS)
        if self._trouble:
            raise self._trouble
        self.http = self.client({"Authorization": f"token {self.token}"})
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()

    def client(self, headers=None, **given: Any) -> httpx.Client:
        """Somebody who talks to our routes."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.app.port}{BASE}mechwidget/api",
            headers=headers,
            event_hooks={"response": [check]},
            timeout=SECONDS,
            trust_env=False,
            **given,
        )

    def do(self, coroutine: Any) -> Any:
        """Await something on the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SECONDS)

    def jupyter(self, method: str, path: str, **given: Any) -> httpx.Response:
        """A request to Jupyter's own routes."""
        url = f"http://127.0.0.1:{self.app.port}{BASE}{path}"
        headers = {"Authorization": f"token {self.token}"}
        return httpx.request(method, url, headers=headers, timeout=SECONDS, **given)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits
            self._trouble = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        config = Config({"IdentityProvider": {"token": self.token}})
        config.merge(self._config)
        config.setdefault("ServerApp", Config()).jpserver_extensions = {"mechwidget.server": True}
        config.FileContentsManager.delete_to_trash = False
        self.app = app = ServerApp(
            config=config,
            root_dir=str(self.root),
            base_url=BASE,
            ip="127.0.0.1",
            port=0,
            port_retries=0,
            open_browser=False,
            allow_root=True,
            log_level="CRITICAL",
            **self._server,
        )
        app.init_signal = lambda: None
        app.initialize(argv=[], find_extensions=False)
        app.start_app()
        (self.ours,) = app.extension_manager.extension_apps["mechwidget.server"]
        self._ready.set()
        await self._stop.wait()
        with suppress(SystemExit):
            await app._cleanup()


def address(path: str) -> str:
    """The route of a recipe."""
    return f"/recipes/{quote(path)}"
