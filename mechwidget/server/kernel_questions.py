"""One question to one kernel, on its control channel, with a time limit.

In flow a kernel's manager and a message; out flows the content of the reply. The control channel is
answered while a cell runs; a kernel that does not answer in time is left alone. Gateways, whose
kernels have no sockets here, cannot be asked.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from queue import Empty
from typing import TYPE_CHECKING, Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]


class NoAnswerError(Exception):
    """The kernel did not answer in time."""


class UnreachableError(Exception):
    """The kernel has no control channel that can be reached from here."""


def client_of(manager: Any) -> AsyncKernelClient:
    """A client of a kernel, with no channel open.

    Raises:
        UnreachableError: the kernel has no sockets on this machine.
    """
    if not getattr(manager, "control_port", 0):
        raise UnreachableError
    client = AsyncKernelClient(context=zmq.asyncio.Context.instance())
    client.load_connection_info(manager.get_connection_info())
    return client


@contextmanager
def control_channel(manager: Any) -> Iterator[AsyncKernelClient]:
    """A client of a kernel with nothing but its control channel open.

    Raises:
        UnreachableError: the kernel has no sockets on this machine.
    """
    client = client_of(manager)
    try:
        yield client
    finally:
        client.control_channel.stop()  # the client's own end would open the others to close them


async def ask(client: AsyncKernelClient, kind: str, content: Json, ends: float) -> Json:
    """The content of the reply to a message.

    Args:
        client: with its control channel open.
        kind: the type of the message.
        content: what it says.
        ends: until when to wait, of `time.monotonic()`.

    Raises:
        NoAnswerError: none came.
    """
    message = client.session.msg(kind, content)
    client.control_channel.send(message)
    while True:
        left = ends - time.monotonic()
        try:
            reply = await client.control_channel.get_msg(timeout=max(0.0, left))
        except Empty:
            raise NoAnswerError from None
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            found: Json = reply["content"]
            return found
