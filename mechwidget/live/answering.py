"""From a request about sessions to the answer: what is open, and one small change to one of them.

In flows the content of a message, from anybody who can reach the kernel; out flows plain JSON,
always: what goes wrong is a sentence in the answer and never an exception in the kernel.
"""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mechwidget.errors import MechwidgetError, ProtocolError
from mechwidget.live.messages import PROTOCOL
from mechwidget.live.roster import sessions

Json = dict[str, Any]

log = logging.getLogger(__name__)


def answer(content: object) -> Json:
    """The content of the reply."""
    try:
        return {"status": "ok", "protocol": PROTOCOL, **_answer(content)}
    except MechwidgetError as error:
        return _refusal(type(error).__name__, error.message, error.hint)
    except Exception as error:
        log.exception("a question about sessions could not be answered")
        return _refusal(type(error).__name__, f"The kernel could not answer: {error}", "")


def _answer(content: object) -> Json:
    if not isinstance(content, Mapping):
        raise ProtocolError("The request is not an object.")
    op = content.get("op")
    if op == "sessions":
        return {"sessions": _described(), "process": _process()}
    if op == "act":
        return {"session": _acted(content)}
    raise ProtocolError(f"There is no request {op!r}.", 'Known are "sessions" and "act".')


def _described() -> list[Json]:
    found = (live.describe() for live in sessions())
    return [each for each in found if each is not None]


def _acted(content: Mapping[str, object]) -> Json | None:
    wanted, action = content.get("session"), content.get("action")
    arguments = content.get("arguments", {})
    if not isinstance(action, str) or not isinstance(arguments, Mapping):
        raise ProtocolError("An action needs its name, and its arguments as an object.")
    for live in sessions():
        if live.id == wanted and live.describe() is not None:
            live.act(action, arguments)
            return live.describe()
    raise MechwidgetError("This session is not open in the kernel any more.", "Ask for the list.")


def _process() -> Json:
    return {"pid": os.getpid(), "python": platform.python_version(), "bytes": _resident_bytes()}


def _resident_bytes() -> int | None:
    """How much of the machine's memory the kernel takes; None where that cannot be known."""
    if find_spec("psutil") is None:
        return None
    psutil = import_module("psutil")

    return int(psutil.Process().memory_info().rss)


def _refusal(kind: str, message: str, hint: str) -> Json:
    error = {"type": kind, "message": message, "hint": hint}
    return {"status": "error", "protocol": PROTOCOL, "error": error}
