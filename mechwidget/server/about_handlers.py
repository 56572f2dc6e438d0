"""Routes about this installation: versions, the description of the routes, models, plugins.

In flows nothing but a wish to look again; out flow facts of the machine that the server is on.
"""

from __future__ import annotations

from pathlib import Path

from jupyter_server.auth.decorator import authorized
from tornado import web

from mechwidget.server.api_handler import MechwidgetHandler


class Capabilities(MechwidgetHandler):
    """`/`: versions, routes, limits."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What a client needs to know before it asks for anything else."""
        self.send(self.app.capabilities())


class Description(MechwidgetHandler):
    """`/rest-api.yaml`: these routes, as OpenAPI 3.1."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The document that this server is tested against."""
        text = (Path(__file__).parent / "rest-api.yaml").read_text(encoding="utf-8")
        self.finish(text, set_content_type="application/yaml")


class Models(MechwidgetHandler):
    """`/models`: what can be loaded without a network."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The models, with the line that loads each."""
        found = await self.app.models.list(refresh=self.flag("refresh"))
        self.send({"models": found.models, "cache": found.cache, "problems": found.problems})


class Plugins(MechwidgetHandler):
    """`/plugins`: what is installed, and its health."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The plugins, with what is wrong with each."""
        self.send(await self.app.plugins.list(refresh=self.flag("refresh")))
