"""Recipes as files, through the server's contents manager, whichever that is.

In flow paths and text; out flow what is stored, with a version (the digest of its text). Whoever
changes a recipe says which version they have seen; another one is refused and nothing is lost. The
contents manager writes, so its hooks, checkpoints and rules hold here as in the file browser.
"""

from __future__ import annotations

import asyncio
import hashlib
import weakref
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from tornado import web

from mechwidget.server.recipe_paths import readable_path, writable_path
from mechwidget.server.refusal import Refusal, missing, of_storage
from mechwidget.server.restoring import put_back

if TYPE_CHECKING:
    from collections.abc import Iterator


ANY_VERSION = "*"


@dataclass(frozen=True)
class Stored:
    """A recipe as it is stored.

    Attributes:
        text: None where only what is known about it was asked for.
        version: an entity tag, with its quotes; None without the text.
        modified: ISO 8601, UTC.
    """

    path: str
    size: int
    modified: str
    writable: bool
    text: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Expected:
    """What a writer believes to be stored: a version, something (`*`), or nothing at all."""

    version: str | None

    def judge(self, found: Stored | None, path: str) -> None:
        """Refuse the change unless this is what is stored."""
        if self.version is None and found is not None:
            raise Refusal(
                412, "exists", f"{path} exists already.", "Read it, and send its ETag as If-Match."
            )
        if self.version is not None and found is None:
            raise missing(path)
        if found is not None and self.version not in (None, ANY_VERSION, found.version):
            raise Refusal(
                412,
                "changed",
                f"{path} was changed by somebody else in the meantime.",
                "Read it again, compare, then write with the new ETag.",
                etag=found.version,
            )


class RecipeStore:
    """Reads and writes recipes.

    Args:
        contents: the contents manager, sync or async.
        max_bytes: the longest recipe that is read or written.
    """

    def __init__(self, contents: Any, max_bytes: int) -> None:
        self._contents = contents
        self._max_bytes = max_bytes
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def read(self, path: str) -> Stored:
        """The recipe at a path, with its text."""
        found = await self._find(readable_path(path))
        if found is None:
            raise missing(path)
        return found

    async def write(self, path: str, text: str, expected: Expected) -> tuple[Stored, bool]:
        """Write a recipe; whether it is new comes back beside it."""
        path = writable_path(path)
        async with self._lock(path):
            before = await self._find(path)
            expected.judge(before, path)
            if before is None:
                await self._need_folder(path)
            model = {"type": "file", "format": "text", "mimetype": "text/plain", "content": text}
            try:
                with _in_our_words(path):
                    await ensure_async(self._contents.save(model, path))
            except Refusal:
                put_back(self._contents, path, None if before is None else before.text)
                raise
        return await self.read(path), before is None

    async def rename(self, old: str, new: str, expected: Expected) -> Stored:
        """Give a recipe another path; one that is taken is refused."""
        old, new = readable_path(old), writable_path(new)
        async with AsyncExitStack() as both:
            for path in sorted(
                {old, new}
            ):  # always in this order: two renames never wait in a ring
                await both.enter_async_context(self._lock(path))
            expected.judge(await self._find(old), old)
            if old != new:
                if await self._exists(new):
                    raise Refusal(409, "exists", f"{new} exists already.", "Choose another name.")
                await self._need_folder(new)
                with _in_our_words(old):
                    await ensure_async(self._contents.rename(old, new))
        return await self.read(new)

    async def delete(self, path: str, expected: Expected) -> None:
        """Delete a recipe, into the trash where the server has one."""
        path = readable_path(path)
        async with self._lock(path):
            expected.judge(await self._find(path), path)
            with _in_our_words(path):
                await ensure_async(self._contents.delete(path))

    # -- inside

    def _lock(self, path: str) -> asyncio.Lock:
        return self._locks.setdefault(path, asyncio.Lock())

    async def _find(self, path: str) -> Stored | None:
        if not is_inside(self._contents, path) or not await self._is_file(path):
            return None
        model = await self._get(path, content=False)
        if model["type"] != "file" or (model.get("size") or 0) > self._max_bytes:
            raise _unusable(path, model, self._max_bytes)
        model = await self._get(path, content=True)
        text = model["content"]
        if len(text) > self._max_bytes:  # a store that does not tell sizes
            raise _unusable(path, model, self._max_bytes)
        return stored(model, text)

    async def _get(self, path: str, *, content: bool) -> Any:
        what = (
            {"content": True, "type": "file", "format": "text"} if content else {"content": False}
        )
        try:
            with _in_our_words(path):
                return await ensure_async(self._contents.get(path, **what))
        except Refusal as refused:
            if content and refused.kind == "not_stored":
                raise Refusal(422, "not_a_recipe", f"{path} is not UTF-8 text.") from None
            raise

    async def _is_file(self, path: str) -> bool:
        with _in_our_words(path):
            return bool(await ensure_async(self._contents.file_exists(path)))

    async def _exists(self, path: str) -> bool:
        with _in_our_words(path):
            return bool(await ensure_async(self._contents.exists(path)))

    async def _need_folder(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if not is_inside(self._contents, path):
            raise missing(path)
        if folder and not await ensure_async(self._contents.dir_exists(folder)):
            raise Refusal(404, "no_folder", f"There is no folder {folder}.", "Make it first.")
        if await self._exists(path):  # a folder, or something else that is no file
            raise Refusal(409, "exists", f"{path} is something else.", "Choose another name.")


def stored(model: Any, text: str | None = None) -> Stored:
    """What a contents manager says of a file, in our words."""
    modified = model.get("last_modified")
    return Stored(
        path=model["path"].strip("/"),
        size=int(model.get("size") or 0),
        modified="" if modified is None else modified.isoformat(),
        writable=bool(model.get("writable")),
        text=text,
        version=None if text is None else version_of(text),
    )


def version_of(text: str) -> str:
    """The entity tag of a text."""
    return f'"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


def is_inside(contents: Any, path: str) -> bool:
    """Whether a path stays below the served folder after every symbolic link is followed.

    A contents manager that keeps no files has no links, and answers for itself.
    """
    to_file = getattr(contents, "_get_os_path", None)
    root = getattr(contents, "root_dir", None)
    if to_file is None or not root:
        return True
    try:
        return Path(to_file(path)).resolve().is_relative_to(Path(root).resolve())
    except (OSError, RuntimeError, ValueError, web.HTTPError):  # a loop, a name too long
        return False


@contextmanager
def _in_our_words(path: str) -> Iterator[None]:
    try:
        yield
    except Refusal:
        raise
    except web.HTTPError as error:
        raise of_storage(error, path) from error
    except OSError as error:
        wrapped = web.HTTPError(500)
        wrapped.__cause__ = error
        raise of_storage(wrapped, path) from error


def _unusable(path: str, model: Any, most: int) -> Refusal:
    if model["type"] != "file":
        return Refusal(422, "not_a_recipe", f"{path} is a {model['type']}, not a file.")
    return Refusal(
        413,
        "too_large",
        f"{path} has {model.get('size') or 0:,} bytes; a recipe has at most {most:,}.",
        "MechwidgetServer.max_recipe_bytes sets the limit.",
    )
