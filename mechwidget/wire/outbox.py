"""Everything that leaves for the page goes through here, one message at a time.

In: an envelope and its frames, from any thread. Out: calls of `send(content, buffers)`, cut into
chunks of at most 1 MB that nothing else can come between. A page that has gone never raises into
the thread that had something to say: it is logged, and that is all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mechwidget.wire.limits import MAX_ANSWER_BYTES, MAX_CHUNK_BYTES, PROTOCOL

if TYPE_CHECKING:
    from mechwidget.wire.envelope import Message
    from mechwidget.wire.frames import Frame

log = logging.getLogger(__name__)

Send = Callable[[dict[str, Any], list[bytes]], object]


class Outbox:
    """Sends whole answers, never two at a time.

    Args:
        send: delivers one message with its buffers, like `ipywidgets.Widget.send`.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        # Re-entrant: a `send` that runs page code at once (as tests do) must not deadlock.
        self._lock = threading.RLock()
        self._closed = False

    def post(self, message: Message, frames: Sequence[Frame] = ()) -> None:
        """Send a message; never raises for a page that cannot be reached.

        Raises:
            ValueError: the frames are larger than any answer may be.
        """
        parts = list(chunks(message, frames))
        with self._lock:
            for content, buffers in parts:
                if self._closed:
                    return
                try:
                    self._send(content, buffers)
                except Exception:
                    # A closed comm or socket; what was computed stays with whoever computed it.
                    log.warning("a message did not reach the page", exc_info=True)
                    return

    def close(self) -> None:
        """Send nothing any more. Does not wait for a message that is under way."""
        self._closed = True


def chunks(message: Message, frames: Sequence[Frame]) -> Iterator[tuple[Message, list[bytes]]]:
    """Cut one message into those that are sent.

    Small: the envelope with `frames` headers, one buffer per frame. Large: the bytes of all
    frames end to end, in pieces; the envelope goes with the first, and every piece says
    `chunk: {index, count}`.
    """
    if not frames:
        yield message, []
        return
    message = message | {"frames": [frame.header() for frame in frames]}
    n_bytes = check_size(frames)
    if n_bytes <= MAX_CHUNK_BYTES:
        yield message, [frame.data for frame in frames]
        return
    joined = memoryview(b"".join(frame.data for frame in frames))
    starts = range(0, n_bytes, MAX_CHUNK_BYTES)
    for index, start in enumerate(starts):
        head = message if index == 0 else {"v": PROTOCOL, "id": message["id"]}
        piece = bytes(joined[start : start + MAX_CHUNK_BYTES])
        yield head | {"chunk": {"index": index, "count": len(starts)}}, [piece]


def check_size(frames: Sequence[Frame]) -> int:
    """The bytes of all frames together; refuses more than an answer may have."""
    n_bytes = sum(len(frame.data) for frame in frames)
    if n_bytes > MAX_ANSWER_BYTES:
        raise ValueError(f"an answer of {n_bytes} bytes is over the limit of {MAX_ANSWER_BYTES}")
    return n_bytes
