"""The built front end: JavaScript and styles, as text that a widget carries.

In flow the files that `npm run build` writes; out flow their contents. Text and not paths, since
a widget with a path is kept alive for ever by the file's watcher (anywidget#929); only under
ANYWIDGET_HMR=1, where watching is wished for, are they paths.

A notebook saves with every widget all that it carries, and a page never forgets a module that it
has run. So what a page runs of every view is a loader of a kilobyte, which runs the front end once
per page. A workbench carries the front end as data beside it, and works on a page without a kernel;
a view of its own has it fetched from the kernel.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from traitlets import Unicode

from mechwidget.errors import MechwidgetError

STATIC = Path(__file__).parent.parent / "static"

SCRIPT = "mechwidget.js"
STYLE = "mechwidget.css"
LOADER = "mechwidget-loader.js"


class BuiltFile(Unicode):  # type: ignore[type-arg]
    """A synced trait whose default is a built file, read when the first widget is made.

    Importing mechwidget therefore needs no front end.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._file = name
        self.tag(sync=True)

    def default(self, obj: Any = None) -> str:  # noqa: ARG002
        """The text of the file."""
        return text_of(self._file)


def front_end(name: str) -> Any:
    """What an anywidget class assigns to `_esm` or `_css`."""
    return STATIC / name if is_hot() else BuiltFile(name)


def is_hot() -> bool:
    """Is the front end built again while the kernel runs?"""
    return os.environ.get("ANYWIDGET_HMR") == "1"


@cache
def text_of(name: str) -> str:
    """The text of one built file."""
    try:
        return (STATIC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MechwidgetError(
            f"The front end of mechwidget is not built: {STATIC / name} is missing.",
            "In a source tree run `make build` (it needs Node 20); an installed package has it.",
        ) from None


def front_end_json() -> dict[str, str]:
    """Script and style of every view, for a page that has only the loader: gzipped, in base64."""
    if is_hot():
        text_of.cache_clear()
    return {"gzip": packed(text_of(SCRIPT), text_of(STYLE))}


def fingerprint() -> str:
    """A short name for this very front end: a page keeps what it was given under it."""
    return hashlib.sha256(front_end_json()["gzip"].encode()).hexdigest()[:16]


@cache
def packed(script: str, style: str) -> str:
    """A script and its style as they travel: JSON, gzipped, in base64."""
    front_end = json.dumps({"script": script, "style": style}).encode()
    return base64.b64encode(gzip.compress(front_end, mtime=0)).decode()
