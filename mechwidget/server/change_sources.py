"""Where changes come from: the contents manager, the kernel manager, and a look around.

In flow Jupyter's own events, which come at once, and every few seconds a comparison of what is
there, which also sees files that a kernel wrote and kernels that died; out flow changes, each told
once. Nothing is looked at while nobody listens, and looking never takes more than a twentieth of
the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from mechwidget.recipes import SUFFIX
from mechwidget.server.kernel_watch import KernelWatch
from mechwidget.server.refusal import Refusal

if TYPE_CHECKING:
    import logging

    from mechwidget.server.live_sessions import LiveSessions
    from mechwidget.server.recipe_search import Found

Json = dict[str, Any]
Tell = Callable[[str, Json], None]

CONTENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"
KERNELS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"

LINGER_S = 30.0
_SHARE = 20
_WRITES = {"save": "written", "upload": "written", "copy": "written", "create": "written"}
_KERNEL_ACTIONS = {"start": "started", "shutdown": "stopped", "restart": "restarted"}


class ChangeSources:
    """Finds out what has changed, and tells it.

    Args:
        tell: takes the kind of a change and what it is.
        forget: called when changes begin to go unseen.
        search: finds the recipes that there are.
        live: knows the kernels.
        seconds: between two looks.
        log: where trouble goes.
    """

    def __init__(
        self,
        tell: Tell,
        forget: Callable[[], None],
        search: Callable[[], Awaitable[Found]],
        live: LiveSessions,
        seconds: float,
        log: logging.Logger | logging.LoggerAdapter[Any],
    ) -> None:
        self._tell = tell
        self._forget = forget
        self._search = search
        self._live = live
        self._seconds = seconds
        self._log = log
        self._watch = KernelWatch(lambda kernel_id: tell("sessions", {"kernel": kernel_id}))
        self._recipes: dict[str, tuple[str, int]] = {}
        self._complete = True
        self._kernels: set[str] = set()
        self._told: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._end: asyncio.TimerHandle | None = None

    def listen(self, events: Any) -> None:
        """Hear what Jupyter itself says."""
        events.add_listener(schema_id=CONTENTS, listener=self._on_contents)
        events.add_listener(schema_id=KERNELS, listener=self._on_kernel)

    def on_audience(self, present: bool) -> None:
        """Look around while somebody listens, and a while longer: pages come back."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if not present:
            self._end = asyncio.get_running_loop().call_later(LINGER_S, self.stop)
        elif self._task is None:
            self._task = asyncio.create_task(self._look_around())

    def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._watch.follow({})
        self._forget()

    # -- Jupyter's events

    async def _on_contents(self, logger: Any, schema_id: str, data: Json) -> None:
        del logger, schema_id
        action, path = data["action"], data["path"].strip("/")
        source = data.get("source_path", "").strip("/")
        if action == "rename" and SUFFIX in (source[-len(SUFFIX) :], path[-len(SUFFIX) :]):
            self._recipe("renamed", path, source)
        elif action in _WRITES and path.endswith(SUFFIX):
            self._recipe(_WRITES[action], path)
        elif action == "delete" and path.endswith(SUFFIX):
            self._recipe("deleted", path)

    def _recipe(self, action: str, path: str, source: str | None = None) -> None:
        self._told |= {path} if source is None else {path, source}
        self._tell("recipe", {"action": action, "path": path, "source": source})

    async def _on_kernel(self, logger: Any, schema_id: str, data: Json) -> None:
        del logger, schema_id
        action, kernel_id = _KERNEL_ACTIONS.get(data["action"]), data.get("kernel_id")
        if action is None or not kernel_id or data.get("status") == "error":
            return
        known = kernel_id in self._kernels
        if self._task is not None and known == (action == "started"):
            return  # seen already, by looking around
        if action == "started":
            self._kernels.add(kernel_id)
            self._follow()
        elif action == "stopped":
            self._kernels.discard(kernel_id)
        self._tell("kernel", {"action": action, "kernel": kernel_id})

    # -- looking around

    async def _look_around(self) -> None:
        first = True
        while True:
            began = time.monotonic()
            try:
                self._look_at_kernels(quiet=first)
                await self._look_at_recipes(quiet=first)
            except Refusal as refusal:  # the folder is gone for now
                self._log.debug("recipes could not be looked at: %s", refusal.message)
            except Exception:  # noqa: BLE001 - the next look may be a better one
                self._log.exception("looking for changes failed")
            first = False
            took = time.monotonic() - began
            await asyncio.sleep(max(self._seconds, _SHARE * took))

    def _look_at_kernels(self, *, quiet: bool) -> None:
        now = set(self._live.kernel_ids())
        if not quiet:
            for kernel_id in sorted(now - self._kernels):
                self._tell("kernel", {"action": "started", "kernel": kernel_id})
            for kernel_id in sorted(self._kernels - now):
                self._tell("kernel", {"action": "stopped", "kernel": kernel_id})
        self._kernels = now
        self._follow()

    def _follow(self) -> None:
        if self._task is not None:
            ids = self._live.kernel_ids()
            self._watch.follow({each: self._live.manager_of(each) for each in ids})

    async def _look_at_recipes(self, *, quiet: bool) -> None:
        found = await self._search()
        now = {each.path: (each.modified, each.size) for each in found.recipes}
        before, told = self._recipes, self._told
        self._recipes, self._told = now, set()
        # What a limit has left out may be there all the same.
        gone = before.keys() - now.keys() if found.complete and self._complete else set()
        self._complete = found.complete
        if quiet:
            return
        for path in sorted(path for path, seen in now.items() if before.get(path) != seen):
            if path not in told:
                self._tell("recipe", {"action": "written", "path": path, "source": None})
        for path in sorted(gone - told):
            self._tell("recipe", {"action": "deleted", "path": path, "source": None})
