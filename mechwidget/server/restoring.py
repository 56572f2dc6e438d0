"""After a failed write: what was stored is stored again.

jupyter_server copies a file aside before it writes, and puts it back where writing fails; but what
fails when the last bytes are flushed (a full disk, on a small file) it leaves half written, with
the copy hidden beside it. In flows the text that was stored; out flows that text in its place, by
renaming the copy, which needs no room. Stores that keep no files look after themselves.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.fileio import path_to_intermediate


def put_back(contents: Any, path: str, before: str | None) -> None:
    """Leave the file at a path as it was; `before` is None where there was none.

    Does what it can, and raises nothing: the failure that led here is what is told.
    """
    aside_of: Any = path_to_intermediate
    to_file = getattr(contents, "_get_os_path", None)
    if to_file is None:
        return
    with suppress(Exception):
        file = Path(to_file(path)).resolve()
        aside = Path(aside_of(str(file)))
        if before is None:
            file.unlink(missing_ok=True)
        elif not _holds(file, before) and _holds(aside, before):
            aside.replace(file)
        if before is None or _holds(file, before):
            aside.unlink(missing_ok=True)


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_bytes() == text.encode("utf-8")
