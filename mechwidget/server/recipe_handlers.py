"""Routes of recipes as files: list, read, write, rename, delete.

In flow paths, documents, and the versions that a writer has seen (`If-Match`, `If-None-Match`); out
flow what is stored, with its version as `ETag`. Authorized as "contents": these are files.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from mechwidget.server.api_handler import MechwidgetHandler
from mechwidget.server.documents import document_of, judge, text_of
from mechwidget.server.recipe_paths import readable_folder
from mechwidget.server.recipe_store import ANY_VERSION, Expected, Stored
from mechwidget.server.refusal import Refusal

Json = dict[str, Any]


class ContentsRoute(MechwidgetHandler):
    """What all routes of recipes share."""

    auth_resource = "contents"
    takes_recipes = True

    def expected(self, *, new: bool) -> Expected:
        """What the writer believes to be stored; `new` allows for nothing."""
        match = self.request.headers.get("If-Match")
        nothing = self.request.headers.get("If-None-Match")
        if match is not None and nothing is None:
            return Expected(match.strip().removeprefix("W/"))
        if new and nothing is not None and nothing.strip() == ANY_VERSION and match is None:
            return Expected(None)
        made = " If-None-Match: * makes a new one." if new else ""
        raise Refusal(
            428,
            "version_needed",
            "Say which version you have seen, so that nobody's work is lost.",
            f"Send the ETag from reading as If-Match.{made}",
        )

    def record(self, action: str, path: str, source: str | None = None) -> None:
        """Let the server's event log know what was done."""
        data = {"action": action, "path": path}
        self.app.record("recipe", data if source is None else data | {"source_path": source})


class Recipes(ContentsRoute):
    """`/recipes`: what there is below a folder."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The list."""
        folder = readable_folder(self.get_query_argument("folder", ""))
        found = await self.app.search(folder)
        listed = [_entry(each) for each in found.recipes]
        self.send({"folder": folder, "recipes": listed, "complete": found.complete})


class Recipe(ContentsRoute):
    """`/recipes/{path}`: one recipe."""

    @web.authenticated
    @authorized
    async def get(self, path: str) -> None:
        """The document, and whether it is valid."""
        stored = await self.app.store.read(path)
        document = document_of(stored)
        self.entity_tag = stored.version
        self.send(_entry(stored) | judge(document) | {"document": document})

    @web.authenticated
    @authorized
    async def put(self, path: str) -> None:
        """Write: 201 for a new one."""
        expected = self.expected(new=True)
        text = text_of(self.body_json())
        stored, new = await self.app.store.write(path, text, expected)
        self.record("created" if new else "changed", stored.path)
        self._answer(stored, 201 if new else 200)

    @web.authenticated
    @authorized
    async def patch(self, path: str) -> None:
        """Rename to `path` in the body."""
        expected = self.expected(new=False)
        new = self.body_json().get("path")
        if not isinstance(new, str):
            raise Refusal(400, "bad_request", "The body must have the new `path` as text.")
        stored = await self.app.store.rename(path, new, expected)
        self.record("renamed", stored.path, path)
        self._answer(stored, 200)

    @web.authenticated
    @authorized
    async def delete(self, path: str) -> None:
        """Delete, into the trash where there is one."""
        await self.app.store.delete(path, self.expected(new=False))
        self.record("deleted", path)
        self.set_status(204)
        self.finish()

    def _answer(self, stored: Stored, status: int) -> None:
        self.set_header("ETag", stored.version or "")
        self.send(_entry(stored), status)


def _entry(stored: Stored) -> Json:
    return {
        "path": stored.path,
        "name": stored.path.rpartition("/")[2],
        "size": stored.size,
        "modified": stored.modified,
        "writable": stored.writable,
        "etag": stored.version,
    }
