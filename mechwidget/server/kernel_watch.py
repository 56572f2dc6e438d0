"""Word from kernels that their sessions have changed.

In flow the kernels that run; out flow their ids, whenever one of them says so. Subscribed is the
topic of our own comm and nothing else, so a kernel's output never passes through here; no kernel is
asked anything.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import zmq
import zmq.asyncio

from mechwidget.live.messages import TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable


class KernelWatch:
    """Listens to kernels.

    Args:
        changed: called with the id of a kernel whose sessions have changed.
    """

    def __init__(self, changed: Callable[[str], object]) -> None:
        self._changed = changed
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self, managers: dict[str, Any]) -> None:
        """Listen to these kernels and to no others."""
        for gone in self._tasks.keys() - managers.keys():
            self._tasks.pop(gone).cancel()
        for kernel_id in managers.keys() - self._tasks.keys():
            address = _iopub_address(managers[kernel_id])
            if address is not None:
                self._tasks[kernel_id] = asyncio.create_task(self._listen(kernel_id, address))

    async def _listen(self, kernel_id: str, address: str) -> None:
        socket = zmq.asyncio.Context.instance().socket(zmq.SUB)
        try:
            socket.connect(address)
            socket.subscribe(TOPIC)
            while True:
                await socket.recv_multipart()
                self._changed(kernel_id)
        finally:
            with suppress(zmq.ZMQError):
                socket.close(linger=0)


def _iopub_address(manager: Any) -> str | None:
    """Where a kernel publishes; None where that is not a socket of this machine, or encrypted."""
    if not getattr(manager, "iopub_port", 0) or getattr(manager, "curve_publickey", None):
        return None
    address: str = manager._make_url("iopub")  # noqa: SLF001 - as jupyter_server itself does
    return address
