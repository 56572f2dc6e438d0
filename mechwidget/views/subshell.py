"""Which thread of the kernel hears a page: the one that the page has chosen.

In flows the comm of a widget. JupyterLab sends comm messages to a subshell, so that clicks are
served while a cell runs. ipykernel 7.4 overrules it: it delivers to the thread that published on
the comm last, which after any change from a cell is the main one, deaf until the cell ends. That
serves code that waits for an answer of the page in the very thread that asked; we never do.
"""

from __future__ import annotations

from typing import Any


def deliver_where_addressed(comm: Any) -> None:
    """Let messages of this comm go to the subshell that the page named."""
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = _as_addressed  # noqa: SLF001 - there is no public switch


def _as_addressed(_data: object, subshell: str | None) -> str | None:
    return subshell
