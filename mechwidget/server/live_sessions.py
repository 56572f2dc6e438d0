"""The sessions that are open in the kernels of this server.

In flow the running kernels; out flows what each says of its sessions, or why it says nothing: it
has none, it is busy, it did not answer in time, it cannot be reached from here. All kernels are
asked at once, so that one that is slow costs its time limit and no more.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from mechwidget.live.messages import PROTOCOL, REQUEST, TARGET
from mechwidget.server.kernel_questions import (
    NoAnswerError,
    UnreachableError,
    ask,
    control_channel,
)
from mechwidget.server.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

_MOST_AT_ONCE = 16


class LiveSessions:
    """Asks kernels about their sessions.

    Args:
        kernels: the server's kernel manager.
        notebooks: the server's session manager, which knows which notebook a kernel is for.
        seconds: how long one kernel may take to answer.
    """

    def __init__(self, kernels: Any, notebooks: Any, seconds: float) -> None:
        self._kernels = kernels
        self._notebooks = notebooks
        self._seconds = seconds
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)

    def kernel_ids(self) -> list[str]:
        """The kernels that run."""
        return list(self._kernels.list_kernel_ids())

    def manager_of(self, kernel_id: str) -> Any:
        """The manager of one kernel.

        Raises:
            Refusal: there is no such kernel.
        """
        if kernel_id not in self._kernels:
            message = f"There is no kernel {kernel_id} on this server."
            raise Refusal(404, "no_kernel", message, "Ask for the list again.")
        return self._kernels.get_kernel(kernel_id)

    async def of_all(self) -> list[Json]:
        """Every kernel, with its sessions."""
        paths = await self._paths()
        return list(await asyncio.gather(*(self._of(each, paths) for each in self.kernel_ids())))

    async def of_kernel(self, kernel_id: str) -> Json:
        """One kernel, with its sessions.

        Raises:
            Refusal: there is no such kernel.
        """
        self.manager_of(kernel_id)
        return await self._of(kernel_id, await self._paths())

    async def act(self, kernel_id: str, session_id: str, action: str, given: Json) -> Json:
        """Have a session changed, and give it back as it is then.

        Raises:
            Refusal: the kernel does not answer, has no such session, or refuses.
        """
        manager = self.manager_of(kernel_id)
        content = {"op": "act", "session": session_id, "action": action, "arguments": given}
        try:
            reply = await self._asked(manager, content)
        except UnreachableError:
            raise Refusal(
                501, "unreachable", "The kernel runs behind a gateway and cannot be asked."
            ) from None
        except NoAnswerError:
            raise _busy(kernel_id) from None
        if reply is None:
            raise _no_session()
        if reply.get("status") != "ok":
            raise _refused(reply.get("error"))
        changed = reply.get("session")
        return changed if isinstance(changed, dict) else {}

    # -- inside

    async def _of(self, kernel_id: str, paths: Mapping[str, str]) -> Json:
        about: Json = {"id": kernel_id, "path": paths.get(kernel_id), "sessions": []}
        try:
            manager = self._kernels.get_kernel(kernel_id)
        except KeyError:  # it ended while the others were asked
            return about | {"name": None, "execution_state": "dead", "state": "unreachable"}
        execution = getattr(manager, "execution_state", None) or "unknown"
        about |= {"name": getattr(manager, "kernel_name", None), "execution_state": execution}
        try:
            reply = await self._asked(manager, {"op": "sessions"})
        except UnreachableError:
            return about | {"state": "unreachable"}
        except NoAnswerError:
            return about | {"state": "busy" if execution == "busy" else "no_answer"}
        if reply is None:
            return about | {"state": "no_sessions"}
        if reply.get("protocol") != PROTOCOL or reply.get("status") != "ok":
            return about | {"state": "other_version"}
        return about | {
            "state": "answered",
            "sessions": [each for each in reply.get("sessions", ()) if isinstance(each, dict)],
            "process": reply.get("process"),
        }

    async def _asked(self, manager: Any, content: Json) -> Json | None:
        """The reply; None from a kernel in which no session was ever opened."""
        async with self._turns:
            ends = time.monotonic() + self._seconds
            with control_channel(manager) as client:
                comms = await ask(client, "comm_info_request", {"target_name": TARGET}, ends)
                listed = comms.get("comms")
                if not isinstance(listed, dict) or not any(map(_is_ours, listed.values())):
                    return None
                return await ask(client, REQUEST, content, ends)

    async def _paths(self) -> dict[str, str]:
        """Which notebook each kernel is for."""
        sessions = await self._notebooks.list_sessions()
        return {s["kernel"]["id"]: s["path"] for s in sessions if s.get("kernel")}


def _is_ours(comm: Any) -> bool:
    return isinstance(comm, dict) and comm.get("target_name") == TARGET


def _busy(kernel_id: str) -> Refusal:
    return Refusal(
        409,
        "kernel_busy",
        f"The kernel {kernel_id} did not answer in time.",
        "It may be busy with a cell; try again when it is done.",
    )


def _no_session() -> Refusal:
    message = "This session is not open in the kernel any more."
    return Refusal(404, "no_session", message, "Ask for the list again.")


def _refused(error: Any) -> Refusal:
    told = error if isinstance(error, dict) else {}
    message = str(told.get("message", "The kernel refused."))[:1000]
    hint = str(told.get("hint", ""))[:1000]
    if told.get("type") == "MechwidgetError":
        return Refusal(404, "no_session", message, hint)
    return Refusal(409, "refused", message, hint)
