"""The extension itself: its configuration, and what its routes share.

In flows a Jupyter server; out flow routes under `/mechwidget/api`, configured by traits as
everything in Jupyter is (`c.MechwidgetServer.max_recipe_bytes = …`).
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import jupyter_server
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from traitlets import Bool, Float, Int, List, Unicode, default

from mechwidget import __version__
from mechwidget.live.messages import PROTOCOL, REPLY, REQUEST
from mechwidget.recipes import MOST_BYTES, SUFFIX, VERSION
from mechwidget.server.change_sources import ChangeSources
from mechwidget.server.changes import Changes
from mechwidget.server.live_sessions import LiveSessions
from mechwidget.server.nodelay import send_at_once
from mechwidget.server.offline_models import OfflineModels
from mechwidget.server.plugin_health import PluginHealth
from mechwidget.server.recipe_search import Found, Limits, find_recipes
from mechwidget.server.recipe_store import RecipeStore
from mechwidget.server.routes import NAMED, handlers

if TYPE_CHECKING:
    from jupyter_events import EventLogger
    from jupyter_server.serverapp import ServerApp

Json = dict[str, Any]

_FOLDER = Path(__file__).parent
_EVENTS = ("recipe", "session")


class MechwidgetServer(ExtensionApp):
    """mechwidget's routes in a Jupyter server."""

    name = "mechwidget"
    app_name = "mechwidget server"
    description = "Recipes, models, live sessions and plugins of mechwidget over REST."
    load_other_extensions = True
    classes = []  # noqa: RUF012 - traitlets' own form

    enabled_routes = List(
        Unicode(), help="Which of recipes, render, models, sessions, plugins and events there are."
    ).tag(config=True)
    max_recipe_bytes = Int(MOST_BYTES, min=1, help="The longest recipe that is taken.").tag(
        config=True
    )
    max_listed = Int(2000, min=1, help="How many recipes are listed.").tag(config=True)
    max_folders = Int(2000, min=1, help="How many folders are looked into.").tag(config=True)
    max_depth = Int(8, min=0, help="How deep below a folder recipes are looked for.").tag(
        config=True
    )
    search_seconds = Float(5.0, min=0.0, help="How long recipes are looked for.").tag(config=True)
    skipped_folders = List(
        Unicode(),
        ["node_modules", "__pycache__", "site-packages", "lost+found"],
        help="Names of folders in which recipes are not looked for.",
    ).tag(config=True)
    kernel_seconds = Float(1.0, min=0.01, help="How long a kernel may take to answer.").tag(
        config=True
    )
    plugin_seconds = Float(60.0, min=1.0, help="How long loading all plugins may take.").tag(
        config=True
    )
    keep_seconds = Float(30.0, min=0.0, help="How long models and plugins stay as seen.").tag(
        config=True
    )
    watch_seconds = Float(2.0, min=0.1, help="Between two looks for changes.").tag(config=True)
    heartbeat_seconds = Float(15.0, min=0.1, help="Between two comments in a stream.").tag(
        config=True
    )
    max_streams = Int(32, min=1, help="How many streams of changes may be open.").tag(config=True)
    nodelay = Bool(
        True, help="Whether answers of kernels leave without waiting for an acknowledgement."
    ).tag(config=True)

    store: RecipeStore
    live: LiveSessions
    models: OfflineModels
    plugins: PluginHealth
    changes: Changes
    _sources: ChangeSources

    @default("enabled_routes")
    def _all_routes(self) -> list[str]:
        return list(NAMED)

    def initialize_settings(self) -> None:
        """Make what the routes share."""
        server = cast("ServerApp", self.serverapp)
        self.store = RecipeStore(server.contents_manager, self.max_recipe_bytes)
        self.live = LiveSessions(server.kernel_manager, server.session_manager, self.kernel_seconds)
        self.models = OfflineModels(self.keep_seconds)
        self.plugins = PluginHealth(self.plugin_seconds, self.keep_seconds)
        self.changes = Changes(self.max_streams, self._on_audience)
        self._sources = ChangeSources(
            self.changes.tell,
            self.changes.forget,
            lambda: self.search(""),
            self.live,
            self.watch_seconds,
            self.log,
        )
        events = cast("EventLogger", server.event_logger)
        for name in _EVENTS:
            text = (_FOLDER / "events" / f"{name}.yaml").read_text(encoding="utf-8")
            events.register_event_schema(text)
        self._sources.listen(events)
        self._leave_activity_alone(server)
        if self.nodelay:
            self._send_at_once()

    def initialize_handlers(self) -> None:
        """Give the server the routes that are enabled."""
        unknown = set(self.enabled_routes) - NAMED.keys()
        if unknown:
            self.log.warning("mechwidget has no routes called %s", ", ".join(sorted(unknown)))
        self.handlers.extend(handlers(self.enabled_routes))

    async def stop_extension(self) -> None:
        """Let every stream end, so that the server can."""
        self._sources.stop()
        self.changes.close()

    # -- for the routes

    async def search(self, folder: str) -> Found:
        """The recipes below a folder."""
        limits = Limits(
            self.max_listed,
            self.max_folders,
            self.max_depth,
            self.search_seconds,
            frozenset(self.skipped_folders),
        )
        return await find_recipes(
            cast("ServerApp", self.serverapp).contents_manager, folder, limits
        )

    def record(self, kind: str, data: Json) -> None:
        """Say in the server's event log what was done."""
        logger = cast("EventLogger", cast("ServerApp", self.serverapp).event_logger)
        logger.emit(schema_id=f"urn:mechwidget:server:{kind}:v1", data=data)

    def capabilities(self) -> Json:
        """Versions, routes and limits."""
        return {
            "versions": {
                "mechwidget": __version__,
                "jupyter_server": jupyter_server.__version__,
                "python": platform.python_version(),
                "recipe": VERSION,
                "sessions": PROTOCOL,
            },
            "routes": [name for name in NAMED if name in self.enabled_routes],
            "suffix": SUFFIX,
            "limits": {
                "recipe_bytes": self.max_recipe_bytes,
                "listed": self.max_listed,
                "streams": self.max_streams,
                "kernel_seconds": self.kernel_seconds,
            },
        }

    # -- inside

    def _on_audience(self, present: bool) -> None:
        self._sources.on_audience(present)

    def _leave_activity_alone(self, server: ServerApp) -> None:
        """Asking a kernel about its sessions is nobody's activity: it may still be culled."""
        untracked = getattr(server.kernel_manager, "untracked_message_types", None)
        if untracked is not None:
            wanted = [*untracked, *(each for each in (REQUEST, REPLY) if each not in untracked)]
            server.kernel_manager.untracked_message_types = wanted

    def _send_at_once(self) -> None:
        if not send_at_once(KernelWebsocketHandler):
            self.log.debug("the websocket of kernels is another one here; left as it is")
