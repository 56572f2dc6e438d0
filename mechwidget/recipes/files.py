"""Recipes on disk: read within limits, written whole or not at all.

In: a path and a document. Out: a file, replaced in one step, so that a full disk or a crash leaves
the old one as it was; or text, or a `RecipeError` that says what was in the way.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from mechwidget.recipes.problem import RecipeError
from mechwidget.recipes.schema import FORMAT, SUFFIX
from mechwidget.recipes.text import dumps, loads, require_size

PathLike = str | os.PathLike[str]


def read_file(path: PathLike) -> bytes:
    """What is in a file that may be a recipe.

    Raises:
        RecipeError: there is none, it cannot be read, or it is larger than a recipe may be.
    """
    where = _path(path)
    try:
        facts = where.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise RecipeError(f"{where} is a folder; expected a file (*{SUFFIX}).")
        if not stat.S_ISREG(facts.st_mode):
            raise RecipeError(f"{where} is no ordinary file.")
        require_size(facts.st_size)
        return where.read_bytes()
    except FileNotFoundError:
        raise RecipeError(f"There is no file {where}.", "Check the path.") from None
    except OSError as error:
        raise RecipeError(f"{where} cannot be read: {_reason(error)}.") from error


def write_file(path: PathLike, document: dict[str, Any], *, overwrite: bool = False) -> Path:
    """Write a recipe, in the place of an older one too; returns where it is.

    Args:
        path: where; `.mech.json` is added to a name without an ending.
        document: the recipe.
        overwrite: replace a file that is no recipe, too.

    Raises:
        RecipeError: another kind of file is there, or it cannot be written; nothing has changed.
    """
    where = Path(os.path.realpath(_path(path)))  # of a link, what it points at is replaced
    if where.is_dir():
        raise RecipeError(f"{where} is a folder; expected the name of a file (*{SUFFIX}).")
    if not where.suffix:
        where = where.with_name(where.name + SUFFIX)
    text = dumps(document)
    if not overwrite:
        _require_recipe(where)
    try:
        _replace(where, text.encode())
    except OSError as error:
        raise RecipeError(
            f"{where} could not be written: {_reason(error)}. What was there before is unchanged.",
            "Make room, or choose another place.",
        ) from error
    return where


def _path(path: PathLike) -> Path:
    try:
        where = Path(path).expanduser()
        where.stat()
    except FileNotFoundError:
        return where
    except (TypeError, ValueError, RuntimeError) as error:
        raise RecipeError(f"{path!r:.80} is no path: {error}.") from None
    except OSError as error:
        raise RecipeError(f"{path!r:.80} is no path that can be used: {_reason(error)}.") from None
    return where


def _require_recipe(where: Path) -> None:
    """Raise `RecipeError` where something stands in the place that is no recipe."""
    if not where.exists():
        return
    said = f"{where} is there already and is no recipe"
    hint = "Choose another name, or overwrite=True."
    try:
        found = loads(read_file(where)).get("format")
    except RecipeError as error:
        raise RecipeError(f"{said}: {error.message}", hint) from None
    if found != FORMAT:
        raise RecipeError(f"{said}.", hint)


def _replace(where: Path, content: bytes) -> None:
    """Put a file in the place of another in one step, on disk before it is there by name."""
    mode = stat.S_IMODE(where.stat().st_mode) if where.exists() else None
    number, name = tempfile.mkstemp(prefix=f".{where.name[:80]}.", suffix=".part", dir=where.parent)
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(_usual_mode() if mode is None else mode)
        part.replace(where)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    _sync_folder(where.parent)


def _usual_mode() -> int:
    """What the person's umask leaves of a new file; a temporary one is more private."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Have the new name on disk, where a folder can be synced (not on Windows)."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
