"""One notebook, open in JupyterLab, driven the way a person would: cells, keys, clicks, reloads.

Flows in: a Playwright page and the sources of some cells. Flows out: what the page shows, and what
the kernel answers (`python`), read over the notebook's own kernel connection.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.lab_server import LabServer

EXECUTE = """async code => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({ code, store_history: false });
  let printed = "", error = null;
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream") printed += content.text;
    if (header.msg_type === "error") error = `${content.ename}: ${content.evalue}`;
  };
  await future.done;
  return { printed, error };
}"""

OPEN = """async path => {
  await window.jupyterapp.commands.execute("docmanager:open", { path });
}"""

RUN_CELL = """async index => {
  const { shell, commands } = window.jupyterapp;
  shell.currentWidget.content.activeCellIndex = index;
  await commands.execute("notebook:run-cell");
}"""

# A kernel that is starting would queue the first cell; wait until it says that it is idle.
KERNEL_IDLE = """() => {
  const session = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session;
  return session?.kernel?.status === "idle";
}"""


class KernelError(RuntimeError):
    """What the kernel raised for a piece of code that a test ran in it."""


def write_notebook(path: Path, sources: Sequence[str], kernel: str) -> None:
    """A notebook of code cells that have never run."""
    # Lab asks a person which kernel to use when the notebook does not say.
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{index}",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": source,
        }
        for index, source in enumerate(sources)
    ]
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook))


# Its debugger asks every kernel that comes to the front, and says so when that is shut down first.
OF_JUPYTERLAB = "Could not restore the debugger state"


class NotebookPage:
    """Attributes: page (Playwright's), complaints (console errors), requests (every URL asked)."""

    def __init__(self, page: Page, server: LabServer, name: str) -> None:
        self.page = page
        self.server = server
        self.name = name
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._listeners = {
            "console": self._note_console,
            "pageerror": lambda error: self.complaints.append(str(error)),
            "request": lambda request: self.requests.append(request.url),
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)

    def _note_console(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith(OF_JUPYTERLAB):
            self.complaints.append(message.text)

    def open(self, sources: Sequence[str], kernel: str = "python3") -> None:
        """Write the notebook, open it and wait for its kernel."""
        write_notebook(self.server.root / self.name, sources, kernel)
        if self.page.url == "about:blank":
            self.page.goto(self.server.url(self.name))
        else:
            self.page.evaluate(OPEN, self.name)
        self.wait_for_kernel()

    def close(self) -> None:
        """Take the notebook off the page, unsaved, and leave the page to somebody else."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
        self.page.unroute_all()
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)

    def reload(self) -> None:
        """Save, load the page again and wait until the notebook is there."""
        self.save()
        # By its address: a mere reload would bring back the notebooks of other tests as well, since
        # all of them share JupyterLab's workspace.
        self.page.goto(self.server.url(self.name))
        self.wait_for_notebook()

    def save(self) -> None:
        """Write the notebook to disk, with its outputs."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def wait_for_notebook(self) -> None:
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)

    def wait_for_kernel(self) -> None:
        self.wait_for_notebook()
        self.page.wait_for_function(KERNEL_IDLE, timeout=60_000)

    def run_cell(self, index: int) -> None:
        """Run one cell and wait until it has finished."""
        self.page.evaluate(RUN_CELL, index)

    def clear_cell(self, index: int) -> None:
        """Take a cell's output off the page."""
        self.page.evaluate(RUN_CELL.replace("run-cell", "clear-cell-output"), index)

    def start_cell(self, index: int) -> None:
        """Run one cell without waiting for its end."""
        self.page.evaluate(f"index => {{ ({RUN_CELL})(index); }}", index)

    def shut_down(self) -> None:
        """Stop the kernel, so that it does not compete with the next test for the processor."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    def restart_kernel(self) -> None:
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )

    def execute(self, code: str) -> str:
        """Run code in the kernel, outside any cell; what it printed."""
        answer = self.page.evaluate(EXECUTE, code)
        if answer["error"]:
            raise KernelError(answer["error"])
        return answer["printed"]

    def python(self, expression: str) -> Any:
        """The value of an expression in the kernel, by way of JSON."""
        return json.loads(self.execute(f"import json as _j; print(_j.dumps({expression}))"))

    def set_theme(self, name: str) -> None:
        """ "JupyterLab Light" or "JupyterLab Dark"; returns once nothing lies over the page."""
        self._wait_for_splash()
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name
        )
        light = str("Light" in name).lower()
        self.page.wait_for_selector(
            f"body[data-jp-theme-light='{light}']", state="attached", timeout=30_000
        )
        self._wait_for_splash()

    def _wait_for_splash(self) -> None:
        """While it changes its theme JupyterLab covers the page; two covers are too many for it."""
        self.page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=30_000)
