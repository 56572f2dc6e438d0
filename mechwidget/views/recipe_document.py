"""A recipe that is open as a document: a session of its own, its workbench, and its text.

In flow the parts of a recipe's text, from a page that has the file open; out flow the workbench,
and the text anew whenever the page asks. The page owns the file: nothing is written here. All
answers are messages of type `MIME`, so that what a person prints does not get between them.
"""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

from IPython.display import display

from mechwidget import recipes
from mechwidget.errors import MechwidgetError
from mechwidget.session import Session
from mechwidget.views.workbench import Workbench

Json = dict[str, Any]

MIME = "application/vnd.mechwidget.document+json"

_received: list[str] = []
_open: list[Workbench] = []


def receive(part: str) -> None:
    """Take in a part of `{name, text}`: JSON in UTF-8 in base64. Nothing else comes from a page."""
    _received.append(part)


def open_received() -> None:
    """Show the recipe that was received, in place of the one before; answers with `present`."""
    packed = "".join(_received)
    _received.clear()
    try:
        given = json.loads(base64.b64decode(packed))
        session = _session_of(given["text"], Path(given["name"]).name)
    except MechwidgetError as error:
        _answer({"open": False, "error": {"message": error.message, "hint": error.hint}})
        return
    close()
    _open.append(Workbench(session))
    present()


def present() -> None:
    """Show the workbench, on one more page; answers whether there is one."""
    for workbench in _open:
        display(workbench)  # type: ignore[no-untyped-call]
    _answer({"open": bool(_open), "error": None})


def publish() -> None:
    """Answer with the text of the recipe, as it is now; waits for the numbers."""
    for workbench in _open:
        revision = workbench.session.revision
        text = recipes.dumps(workbench.session.to_recipe())
        _answer({"open": True, "error": None, "text": text, "revision": revision})


def close() -> None:
    """Let go of the workbench, its session and its model."""
    while _open:
        workbench = _open.pop()
        session = workbench.session
        workbench.close()
        session.close()


def _session_of(text: str, name: str) -> Session:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_text(text, encoding="utf-8")
        return Session.load(path)


def _answer(content: Json) -> None:
    display({MIME: content}, raw=True)  # type: ignore[no-untyped-call]
