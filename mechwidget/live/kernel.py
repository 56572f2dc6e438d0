"""The line to the outside, in an IPython kernel: questions on the control channel, word of changes.

In flow control messages of type `REQUEST`, answered on the control thread and so also while a cell
runs; out flow replies, and messages that something has changed: when a session opens or closes and,
once somebody has asked, at most `_PER_SECOND` times a second. Those are messages of a comm that no
page knows, which every front end passes over. In any other process nothing is installed.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import Any

import comm

from mechwidget.live import roster
from mechwidget.live.answering import answer
from mechwidget.live.messages import COMM_ID, PROTOCOL, REPLY, REQUEST, TARGET, TOPIC

_PER_SECOND = 4

_lock = threading.Lock()
_lines: dict[int, Line] = {}


class Line:
    """One kernel's line to the outside."""

    def __init__(self, kernel: Any, comm: Any) -> None:
        self._kernel = kernel
        self._comm = comm
        self._asked = False
        self._underway = False
        kernel.control_handlers[REQUEST] = self._on_request
        roster.listen(self._on_change)

    def _on_request(self, stream: Any, ident: Any, parent: Any) -> None:
        self._asked = True
        self._kernel.session.send(stream, REPLY, answer(parent.get("content")), parent, ident)

    def _on_change(self, *, opened_or_closed: bool) -> None:
        if not (self._asked or opened_or_closed):
            return
        with _lock:
            if self._underway:
                return
            self._underway = True
        timer = threading.Timer(1 / _PER_SECOND, self._tell)
        timer.daemon = True
        timer.start()

    def _tell(self) -> None:
        with _lock:
            self._underway = False
        with suppress(Exception):  # the kernel may be on its way down
            self._comm.send({"changed": True, "protocol": PROTOCOL})


def answer_in_this_kernel() -> None:
    """Install the line, once, if this process is an IPython kernel; never raises."""
    with suppress(Exception):  # somebody else's kernel class: it stays as it is
        kernel = _kernel()
        if kernel is not None and id(kernel) not in _lines:
            _lines[id(kernel)] = Line(kernel, _silent_comm())


def _kernel() -> Any:
    """The kernel of this process, found without importing what is not there already."""
    application = sys.modules.get("ipykernel.kernelapp")
    if application is None or not application.IPKernelApp.initialized():
        return None
    return getattr(application.IPKernelApp.instance(), "kernel", None)


def _silent_comm() -> Any:
    """A comm that the kernel lists and of which no page is told."""
    made = comm.create_comm(target_name=TARGET, comm_id=COMM_ID, topic=TOPIC, primary=False)
    comm.get_comm_manager().register_comm(made)
    return made
