"""Finding recipes below a folder, within bounds.

In flows a folder; out flow the recipes below it and whether that is all of them. A served folder
may be a home directory with a million files: the search goes breadth first, leaves out what is
hidden and what is known to hold no work of people, and stops at its limits.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from tornado import web

from mechwidget.recipes import SUFFIX
from mechwidget.server.recipe_store import Stored, is_inside, stored
from mechwidget.server.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True)
class Limits:
    """How far a search goes.

    Attributes:
        recipes, folders: how many are looked at.
        depth: how many folders below the first.
        seconds: how long.
        skipped: names of folders that are not entered.
    """

    recipes: int
    folders: int
    depth: int
    seconds: float
    skipped: Collection[str]


@dataclass(frozen=True)
class Found:
    """What a search has found; `complete` is whether nothing was left out by a limit."""

    recipes: list[Stored]
    complete: bool


async def find_recipes(contents: Any, folder: str, limits: Limits) -> Found:
    """The recipes below `folder`, by path.

    Raises:
        Refusal: there is no such folder.
    """
    if not is_inside(contents, folder) or not await ensure_async(contents.dir_exists(folder)):
        raise Refusal(404, "no_folder", f"There is no folder {folder or '/'}.", "Check its path.")
    ends = time.monotonic() + limits.seconds
    recipes: list[Stored] = []
    layer, seen, complete = [folder], 0, True
    for _ in range(limits.depth + 1):
        below: list[str] = []
        for each in layer:
            if seen >= limits.folders or len(recipes) > limits.recipes or time.monotonic() > ends:
                complete = False
                break
            seen += 1
            entries = await _entries(contents, each)
            recipes += [stored(entry) for entry in entries if _is_recipe(contents, entry)]
            below += [e["path"] for e in entries if _is_entered(contents, e, limits.skipped)]
        layer = below
    recipes.sort(key=lambda recipe: recipe.path)
    complete = complete and not layer and len(recipes) <= limits.recipes
    return Found(recipes[: limits.recipes], complete)


async def _entries(contents: Any, folder: str) -> list[Any]:
    """What is in a folder; nothing where it may not be read or is gone by now."""
    try:
        model = await ensure_async(contents.get(folder, content=True, type="directory"))
    except (web.HTTPError, OSError):
        return []
    return [entry for entry in model["content"] or () if not entry["name"].startswith(".")]


def _is_recipe(contents: Any, entry: Any) -> bool:
    name = entry["name"]
    return (
        entry["type"] == "file"
        and name.endswith(SUFFIX)
        and name != SUFFIX
        and is_inside(contents, entry["path"])
    )


def _is_entered(contents: Any, entry: Any, skipped: Collection[str]) -> bool:
    return (
        entry["type"] == "directory"
        and entry["name"] not in skipped
        and is_inside(contents, entry["path"])
    )
