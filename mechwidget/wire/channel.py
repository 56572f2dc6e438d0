"""A page asks, a handler answers: the op table of one widget.

In: `receive(content, buffers)`, called by the host on whichever thread it likes (a subshell of
ipykernel, the main thread in VS Code and marimo). Out: receipts, progress, answers and errors,
through the `Outbox`. Whatever a page sends and whatever a handler raises, `receive` returns
normally: an exception in a comm callback is shown to nobody.

    channel = Channel(widget.send, about={"session": session.id})
    channel.on("pattern", lambda args, request: ({"layer": 1}, encode(pattern, "u8", "tril")))
    widget.on_msg(lambda _, content, buffers: channel.receive(content, buffers))
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from mechwidget import __version__
from mechwidget.errors import ProtocolError
from mechwidget.wire import envelope
from mechwidget.wire.arguments import Arguments
from mechwidget.wire.envelope import Ask, Buffer, Cancel
from mechwidget.wire.frames import Frame
from mechwidget.wire.limits import MAX_IN_FLIGHT, MESSAGE_SECONDS, PROTOCOL
from mechwidget.wire.outbox import Outbox, Send
from mechwidget.wire.request import Pace, Request

log = logging.getLogger(__name__)

Handler = Callable[[Arguments, Request], Any]


@runtime_checkable
class Deferred(Protocol):
    """An answer that comes later; `concurrent.futures.Future` is one.

    `result()` is called once the callback has been, and returns what a handler may return or
    raises. `cancel()` is called when the page withdraws the request.
    """

    def add_done_callback(self, fn: Callable[[Any], object], /) -> object:
        """Call `fn` once it is done, at once if it is already."""

    def result(self) -> Any:
        """What a handler may return; or raises what went wrong."""

    def cancel(self) -> object:
        """The page no longer wants it."""

    def done(self) -> bool:
        """Is the answer there?"""


class Channel:
    """The ops that a page may call, and the requests that are under way.

    A handler takes `(args, request)` and returns a mapping (the result), a mapping and frames as
    a tuple, one frame, None, or a `Deferred` of one of these. `MechwidgetError` from it is shown
    to the person as it is; anything else is logged and shown as an internal error.

    Args:
        send: delivers `(content, buffers)` to the page, like `ipywidgets.Widget.send`.
        about: what `hello` tells the page besides the versions.
    """

    def __init__(self, send: Send, about: Mapping[str, Any] | None = None) -> None:
        self._outbox = Outbox(send)
        self._about = dict(about or {})
        self._pace = Pace(MESSAGE_SECONDS)
        self._lock = threading.Lock()
        self._in_flight: dict[str, Request] = {}
        self._closed = False
        self._ops: dict[str, tuple[Handler, bool]] = {
            "hello": (self._hello, False),
            "ping": (lambda *_: None, False),
        }

    def on(self, op: str, handler: Handler, *, slow: bool = False) -> None:
        """Let pages call `op`.

        Args:
            op: its name.
            handler: what answers it.
            slow: the handler itself takes long, so send the receipt before it starts (a
                handler that returns a `Deferred` needs no such hint).
        """
        self._ops[op] = (handler, slow)

    def receive(self, content: object, buffers: Sequence[Buffer] | None = None) -> None:
        """Take one message from a page. Never raises, whatever it is."""
        if self._closed or not envelope.is_addressed_to_us(content):
            return
        try:
            message = envelope.parse(content, buffers)
        except ProtocolError as error:
            named = envelope.readable_id(content)
            self._outbox.post(envelope.refusal(named, envelope.describe(error, "?")))
            return
        if isinstance(message, Cancel):
            self._cancel(message.id)
        else:
            self._serve(message)

    def close(self) -> None:
        """Withdraw every request and send nothing any more. May be called twice."""
        self._closed = True
        self._outbox.close()
        with self._lock:
            requests, self._in_flight = list(self._in_flight.values()), {}
        for request in requests:
            request.withdraw()

    def _serve(self, ask: Ask) -> None:
        request = Request(ask, self._outbox, self._pace)
        try:
            handler, slow = self._look_up(ask.op)
            self._enter(request)
        except ProtocolError as error:
            request.finish(envelope.refusal(ask.id, envelope.describe(error, ask.op)))
            return
        try:
            if slow:
                request.acknowledge()
            returned = handler(Arguments(ask.args), request)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the page is told
            # An interrupt is meant for the running cell; here it ends this one request.
            self._fail(request, error)
            return
        if isinstance(returned, Deferred):
            self._defer(request, returned)
        else:
            self._answer(request, returned)

    def _look_up(self, op: str) -> tuple[Handler, bool]:
        if op not in self._ops:
            raise ProtocolError(f"there is no op {op!r}; there are {', '.join(sorted(self._ops))}")
        return self._ops[op]

    def _enter(self, request: Request) -> None:
        with self._lock:
            if request.id in self._in_flight:
                raise ProtocolError("there is a request with this id already")
            if len(self._in_flight) >= MAX_IN_FLIGHT:
                raise ProtocolError(f"more than {MAX_IN_FLIGHT} requests are unanswered")
            self._in_flight[request.id] = request

    def _defer(self, request: Request, deferred: Deferred) -> None:
        if not deferred.done():
            request.acknowledge()
        request.on_cancel(deferred.cancel)
        deferred.add_done_callback(lambda _: self._settle(request, deferred))

    def _settle(self, request: Request, deferred: Deferred) -> None:
        try:
            returned = deferred.result()
        except BaseException as error:  # noqa: BLE001 - whatever ended the job, the page is told
            self._fail(request, error)
        else:
            self._answer(request, returned)

    def _answer(self, request: Request, returned: object) -> None:
        try:
            result, frames = _split(returned)
            request.finish(envelope.answer(request.id, result), frames)
        except (TypeError, ValueError) as error:
            self._fail(request, error)
        else:
            self._leave(request)

    def _fail(self, request: Request, error: BaseException) -> None:
        described = envelope.describe(error, request.op)
        if described["type"] == "InternalError" and not request.cancelled():
            log.error("op %s failed", request.op, exc_info=error)
        request.finish(envelope.refusal(request.id, described))
        self._leave(request)

    def _leave(self, request: Request) -> None:
        with self._lock:
            if self._in_flight.get(request.id) is request:
                del self._in_flight[request.id]

    def _cancel(self, request_id: str) -> None:
        with self._lock:
            request = self._in_flight.pop(request_id, None)
        if request is not None:
            request.withdraw()

    def _hello(self, args: Arguments, _request: Request) -> dict[str, Any]:
        args.only("protocol", "version")
        envelope.check_version(args["protocol"])
        return {"protocol": PROTOCOL, "version": __version__, **self._about}


def _split(returned: object) -> tuple[object, tuple[Frame, ...]]:
    """What a handler returned, as a result and its frames."""
    if isinstance(returned, Frame):
        return {}, (returned,)
    if isinstance(returned, tuple):
        result, *frames = returned
        if not all(isinstance(frame, Frame) for frame in frames):
            raise TypeError("a handler returns a result and frames, nothing else")
        return result, tuple(frames)
    return ({} if returned is None else returned), ()
