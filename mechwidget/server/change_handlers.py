"""The route of changes: server-sent events, for as long as the page stays.

In flows `Last-Event-ID` from a page that comes back; out flow events, and a comment now and then so
that a proxy keeps the line open. Authorized as reading both "contents" and "kernels", of which it
tells.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from mechwidget.server.api_handler import MechwidgetHandler

if TYPE_CHECKING:
    from mechwidget.server.changes import Event, Listener

_RETRY_MS = 2000


class Events(MechwidgetHandler):
    """`/events`: the stream."""

    auth_resource = "contents"
    _track_activity = False  # a page that listens does not keep a server alive
    _listener: Listener | None = None
    _streams = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Events until the page leaves or the server stops."""
        may = self.authorizer.is_authorized(self, self.current_user, "read", "kernels")
        if not await ensure_async(may):
            raise web.HTTPError(403)
        changes = self.app.changes
        self._listener = listener = changes.join(self.request.headers.get("Last-Event-ID"))
        try:
            self._streams = True
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("Cache-Control", "no-store")
            self.set_header("X-Accel-Buffering", "no")
            with suppress(StreamClosedError):
                await self._send(f"retry: {_RETRY_MS}\n\n")
                await self._follow(listener)
        finally:
            changes.leave(listener)

    async def _follow(self, listener: Listener) -> None:
        while True:
            try:
                event = await listener.next(self.app.heartbeat_seconds)
            except TimeoutError:
                await self._send(": still here\n\n")
                continue
            if event is None:
                return
            await self._send(_lines(event))

    async def _send(self, text: str) -> None:
        self.write(text)
        await self.flush()

    def on_connection_close(self) -> None:
        """The page is gone: end at once, not at the next heartbeat."""
        if self._listener is not None:
            self._listener.end()
        super().on_connection_close()

    def finish(self, *args: Any, **kwargs: Any) -> Any:
        """End the stream, whose type was sent long ago."""
        kind = {"set_content_type": "text/event-stream"} if self._streams else {}
        return super().finish(*args, **kind, **kwargs)


def _lines(event: Event) -> str:
    data = json.dumps(event.data, ensure_ascii=True)  # one line, whatever is in a path
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"
