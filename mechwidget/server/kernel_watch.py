"""Word from kernels that their sessions have changed.

In flow the kernels that run; out flow their ids, whenever one of them says so. Subscribed is the
topic of our own comm and nothing else, so a kernel's output never passes through here; no kernel is
asked anything.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mechwidget.live.messages import TOPIC
from mechwidget.server.kernel_questions import UnreachableError, client_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_client.asynchronous.client import AsyncKernelClient


_IS_WORD = b"comm_msg"  # a kernel also greets who subscribes, under the same topic
_UP_TO_HEADER = 4  # topic, delimiter, signature, header


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
            with suppress(UnreachableError):
                client = client_of(managers[kernel_id])
                self._tasks[kernel_id] = asyncio.create_task(self._listen(kernel_id, client))

    async def _listen(self, kernel_id: str, client: AsyncKernelClient) -> None:
        # Not its iopub channel, which would be subscribed to everything.
        socket: Any = client._create_connected_socket("iopub")  # noqa: SLF001
        try:
            socket.subscribe(TOPIC)
            while True:
                frames = await socket.recv_multipart()
                if any(_IS_WORD in frame for frame in frames[:_UP_TO_HEADER]):
                    self._changed(kernel_id)
        finally:
            socket.close(linger=0)
