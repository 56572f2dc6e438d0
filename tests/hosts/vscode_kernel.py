"""A kernel and the page of vscode_manager.html, and the messages between them.

Flows in: a folder with the npm packages, and one with Jupyter's nbextensions. Flows out: a URL on
this machine, and what the kernel answers to code. VS Code keeps a kernel in another process than
its pages and hands every message on; here a thread that owns the kernel's sockets does.
"""

from __future__ import annotations

import base64
import json
import queue
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty
from typing import Any, Self

from jupyter_client.manager import KernelManager

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PACKAGES = ROOT / "node_modules"
FILES = {
    "/": HERE / "vscode_manager.html",
    "/ipywidgets.js": PACKAGES / "@vscode" / "jupyter-ipywidgets8" / "dist" / "ipywidgets.js",
    "/require.js": PACKAGES / "requirejs" / "require.js",
    "/anywidget.js": Path(sys.prefix) / "share/jupyter/nbextensions/anywidget/index.js",
}
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript"}

# What VS Code writes into the page of a notebook when notebook.experimental.enableCsp is on, with
# this server in the place of its own, blob: from which anywidget itself imports every module, and
# data: for the fonts that the manager brings.
POLICY = (
    "default-src 'none'; script-src 'self' blob: 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'"
)
Json = dict[str, Any]


class VsCodeKernel:
    """Attributes: url (the page)."""

    def __init__(self) -> None:
        self._to_kernel: queue.Queue[Json] = queue.Queue()
        self._to_page: list[queue.Queue[str | None]] = []
        self._waiting: dict[str, tuple[threading.Event, list[Json]]] = {}
        self._ends = threading.Event()

    def __enter__(self) -> Self:
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(cwd=ROOT)  # where cells find tests.hosts
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for each in self._to_page:
            each.put(None)
        self._carrier.join(10)
        self._server.shutdown()
        self._server.server_close()
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def execute(self, code: str) -> str:
        """Run code in the kernel; what it printed."""
        heard = self._run(code)
        return "".join(each["content"]["text"] for each in heard if each["msg_type"] == "stream")

    def shown(self, code: str) -> Json:
        """Run code in the kernel; what a notebook would show of its last line, by MIME type."""
        results = [each for each in self._run(code) if each["msg_type"] == "execute_result"]
        return results[-1]["content"]["data"] if results else {}

    def _run(self, code: str) -> list[Json]:
        message = self._client.session.msg("execute_request", {"code": code, "silent": False})
        done, heard = threading.Event(), list[Json]()
        self._waiting[message["header"]["msg_id"]] = (done, heard)
        self._to_kernel.put(message)
        assert done.wait(60), "the kernel did not finish"
        for each in heard:
            if each["msg_type"] == "error":
                raise RuntimeError("\n".join(each["content"]["traceback"]))
        return heard

    def python(self, expression: str) -> Any:
        """The value of an expression in the kernel, by way of JSON."""
        return json.loads(self.execute(f"import json as _j; print(_j.dumps({expression}))"))

    # -- the thread that owns the sockets

    def _carry(self) -> None:
        while not self._ends.is_set():
            with suppress(Empty):
                while True:
                    self._client.shell_channel.send(self._to_kernel.get_nowait())
            with suppress(Empty):
                self._tell(self._client.get_iopub_msg(timeout=0.01))

    def _tell(self, message: Json) -> None:
        parent = message["parent_header"].get("msg_id", "")
        if waiting := self._waiting.get(parent):
            done, heard = waiting
            heard.append(message)
            if message["content"].get("execution_state") == "idle":
                del self._waiting[parent]
                done.set()
        buffers = [base64.b64encode(bytes(each)).decode() for each in message["buffers"]]
        text = json.dumps({**message, "buffers": buffers}, default=str)
        for page in self._to_page:
            page.put(text)

    def _from_page(self, said: Json) -> None:
        message = self._client.session.msg(said["type"], said["content"])
        message["header"]["msg_id"] = message["msg_id"] = said["msg_id"]
        message["metadata"] = said["metadata"]
        message["buffers"] = [base64.b64decode(each) for each in said["buffers"]]
        self._to_kernel.put(message)

    # -- what the page asks

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bridge = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/messages":
                    bridge._stream(self)
                    return
                file = FILES.get(self.path)
                self.send_response(204 if file is None else 200)
                if file is not None:
                    self.send_header("Content-Type", KINDS[file.suffix])
                    self.send_header("Content-Security-Policy", POLICY)
                self.end_headers()
                if file is not None:
                    self.wfile.write(file.read_bytes())

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                bridge._from_page(json.loads(self.rfile.read(length)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: a test prints what it has to say itself."""

        return Handler

    def _stream(self, handler: BaseHTTPRequestHandler) -> None:
        mine: queue.Queue[str | None] = queue.Queue()
        self._to_page.append(mine)
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        handler.wfile.flush()
        with suppress(OSError):
            while (text := mine.get()) is not None:
                handler.wfile.write(f"data: {text}\n\n".encode())
                handler.wfile.flush()
        self._to_page.remove(mine)
