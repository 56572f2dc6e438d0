"""One kernel for all hosts that Jupyter serves: importing torch once is slow enough.

Flows in: the running server. Flows out: a kernel that a notebook can be attached to before it is
opened, so that its page connects to it instead of starting another.
"""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.browser.lab_server import LabServer


class SharedKernel:
    """Attributes: id, as the server knows it."""

    def __init__(self, server: LabServer) -> None:
        self._server = server
        self.id: str = self._post("kernels", {"name": "python3"})["id"]

    def attach(self, notebook: str) -> None:
        """A notebook of this name, which need not exist yet, has this kernel."""
        session = {"path": notebook, "name": notebook, "type": "notebook"}
        self._post("sessions", {**session, "kernel": {"id": self.id}})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._server.port}/api/{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"token {self._server.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
