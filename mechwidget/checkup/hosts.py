"""Which front end this Python is talking to, and how its kernel hears clicks.

Told by what is loaded and by the environment: a kernel is not told who shows its cells. In: this
process. Out: findings.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mechwidget.checkup.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = "a plain Python"


def host() -> str:
    """JupyterLab, Notebook, VS Code, marimo, Colab, a terminal, or none."""
    if "marimo" in sys.modules and _running_in_marimo():
        return "marimo"
    if "google.colab" in sys.modules:
        return "Colab"
    shell = _shell()
    if shell is None:
        return PLAIN
    if getattr(shell, "kernel", None) is None:
        return "IPython in a terminal"
    names = getattr(shell, "user_ns", {})
    if "__vsc_ipynb_file__" in names or "VSCODE_PID" in os.environ:
        return "VS Code"
    return _by_parent()


def hosts() -> Iterator[Finding]:
    """The front end, and whether clicks are heard while a cell runs."""
    found = host()
    if found == PLAIN:
        yield Finding("host", f"{found}: widgets are shown in notebooks", "note")
        return
    yield Finding("host", found)
    kernel = getattr(_shell(), "kernel", None)
    if kernel is None:
        return
    if getattr(kernel, "_supports_kernel_subshells", False):
        yield Finding("subshells", "the kernel has them: clicks are answered while a cell runs")
    else:
        yield Finding(
            "subshells",
            "the kernel has none: clicks wait until the running cell is done",
            "note",
            "pip install 'ipykernel>=7', and JupyterLab 4.4 or newer",
        )


def _running_in_marimo() -> bool:
    running: Any = getattr(sys.modules["marimo"], "running_in_notebook", None)
    return bool(running is not None and running())


def _shell() -> Any:
    # Not imported: where nobody has loaded IPython, nobody is talking to it.
    ask: Any = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return None if ask is None else ask()


def _by_parent() -> str:
    """The server that started the kernel, by its command line where that can be read."""
    try:
        line = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        line = ""
    for word, name in (("jupyterlab", "JupyterLab"), ("jupyter-lab", "JupyterLab")):
        if word in line:
            return name
    return "Notebook" if "notebook" in line else "Jupyter (JupyterLab, Notebook or another)"
