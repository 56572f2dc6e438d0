"""Routes of live sessions: those in all kernels, those of one, and a change to one.

In flow the ids of kernels and sessions; out flows what the kernels answer. Authorized as "kernels":
reading to look, executing to change.
"""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from mechwidget.server.api_handler import MechwidgetHandler, authorized_to
from mechwidget.server.refusal import Refusal

ACTIONS = ("enable", "disable", "undo", "redo")


class KernelsRoute(MechwidgetHandler):
    """What all routes of sessions share."""

    auth_resource = "kernels"
    _track_activity = False  # a panel that looks does not keep a server alive


class Sessions(KernelsRoute):
    """`/sessions`: all kernels."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Each kernel with its sessions, or why it does not tell."""
        self.send({"kernels": await self.app.live.of_all()})


class KernelSessions(KernelsRoute):
    """`/sessions/{kernel}`: one kernel."""

    @web.authenticated
    @authorized
    async def get(self, kernel_id: str) -> None:
        """The kernel with its sessions, or why it does not tell."""
        self.send(await self.app.live.of_kernel(kernel_id))


class SessionAction(KernelsRoute):
    """`/sessions/{kernel}/{session}`: one session."""

    _track_activity = True

    @web.authenticated
    @authorized_to("execute")
    async def post(self, kernel_id: str, session_id: str) -> None:
        """Switch an intervention, undo or redo; answers with the session as it is then."""
        body = self.body_json()
        action = body.get("action")
        if action not in ACTIONS:
            known = ", ".join(ACTIONS)
            raise Refusal(400, "bad_request", f"`action` must be one of {known}.")
        given = {name: body[name] for name in ("which", "revision") if body.get(name) is not None}
        if not all(type(value) is int for value in given.values()):
            raise Refusal(400, "bad_request", "`which` and `revision` are whole numbers.")
        session = await self.app.live.act(kernel_id, session_id, action, given)
        data = {"action": action, "kernel_id": kernel_id, "session_id": session_id}
        self.app.record("session", data)
        self.send({"session": session})
