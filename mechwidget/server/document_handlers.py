"""Routes that look at recipes as documents: validate, compare, render.

In flow documents, or paths of stored ones; out flow problems, changes, and a page with the last
result. They change nothing, but take bodies, and so are POST. Authorized as reading "contents".
"""

from __future__ import annotations

import asyncio
from typing import Any

from tornado import web

from mechwidget.server import documents
from mechwidget.server.api_handler import authorized_to
from mechwidget.server.recipe_handlers import ContentsRoute
from mechwidget.server.refusal import Refusal

Json = dict[str, Any]

# A page of ours may be framed by the server's own pages, and do nothing at all.
PAGE_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


class DocumentRoute(ContentsRoute):
    """A route whose body says which recipes it is about."""

    async def document(self, side: Any, name: str) -> Json:
        """A document that is given as itself or as the path of a stored one."""
        given = side if isinstance(side, dict) else {}
        document, path = given.get("document"), given.get("path")
        if isinstance(document, dict) and path is None:
            return document
        if isinstance(path, str) and document is None:
            return documents.document_of(await self.app.store.read(path))
        raise Refusal(
            400,
            "bad_request",
            f"{name} must have either `path`, as text, or `document`, as an object.",
        )


class Validate(DocumentRoute):
    """`/validate`: whether a recipe is one."""

    @web.authenticated
    @authorized_to("read")
    async def post(self) -> None:
        """The problems, with their places."""
        document = await self.document(self.body_json(), "The body")
        self.send(await asyncio.to_thread(documents.judge, document))


class Difference(DocumentRoute):
    """`/difference`: what changed from one recipe to another."""

    @web.authenticated
    @authorized_to("read")
    async def post(self) -> None:
        """The changes, with sentences."""
        body = self.body_json()
        old = await self.document(body.get("old"), "`old`")
        new = await self.document(body.get("new"), "`new`")
        self.send(await asyncio.to_thread(documents.compare, old, new))


class Render(DocumentRoute):
    """`/render`: the last result of a recipe as a still page."""

    @property
    def content_security_policy(self) -> str:
        """For the page: no scripts, nothing from elsewhere."""
        return PAGE_POLICY

    @web.authenticated
    @authorized_to("read")
    async def post(self) -> None:
        """Of a document that may not be stored."""
        await self._render(await self.document(self.body_json(), "The body"))

    @web.authenticated
    @authorized_to("read")
    async def get(self) -> None:
        """Of a stored recipe, by its `path`, so that a page can be linked to."""
        await self._render(await self.document({"path": self.get_query_argument("path")}, "It"))

    async def _render(self, document: Json) -> None:
        page = await asyncio.to_thread(documents.draw, document)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Frame-Options", "SAMEORIGIN")
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(page, set_content_type="text/html; charset=utf-8")
