"""The envelope of every message between a page and its kernel.

In, from anybody who shares the kernel: an object that claims to be `{v, id, op, args}` or
`{v, op: "cancel", id}`. Out: an `Ask` or a `Cancel` that later code may trust in form (its `args`
are JSON of bounded size, no more). The other way: the few shapes that a page can get, built here
and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass
from typing import Any

from mechwidget.errors import CancelledError, MechwidgetError, ProtocolError
from mechwidget.plugin_api import REGISTRY
from mechwidget.wire.limits import (
    MAX_ID_CHARACTERS,
    MAX_INCOMING_BYTES,
    MAX_INCOMING_ITEMS,
    PROTOCOL,
)
from mechwidget.wire.plain_json import check_incoming, plain

Message = dict[str, Any]
Buffer = bytes | bytearray | memoryview

_ASK_KEYS = {"v", "id", "op", "args"}
_CANCEL_KEYS = {"v", "id", "op"}
_OP = re.compile(r"[a-z][a-z0-9_]{0,63}")


class VersionMismatch(ProtocolError):  # noqa: N818 - the page knows it by this name
    """A page and a kernel that speak different versions of the protocol."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A page wants `op` done and waits for the answer with this id."""

    id: str
    op: str
    args: Mapping[str, Any]
    buffers: tuple[Buffer, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancel:
    """A page no longer wants the answer with this id."""

    id: str


def is_addressed_to_us(content: object) -> bool:
    """Others use the same comm (anywidget's own commands); only messages with `v` are ours."""
    return isinstance(content, Mapping) and "v" in content


def readable_id(content: object) -> str | None:
    """The id to answer to, also when the rest of the message is wrong; None where there is none."""
    candidate = content.get("id") if isinstance(content, Mapping) else None
    if isinstance(candidate, str) and 0 < len(candidate) <= MAX_ID_CHARACTERS:
        return candidate
    return None


def parse(content: object, buffers: Sequence[Buffer] | None = None) -> Ask | Cancel:
    """Read a message from a page.

    Raises:
        VersionMismatch: the page speaks another version.
        ProtocolError: naming the field that is wrong and what was expected there.
    """
    if not isinstance(content, Mapping):
        raise ProtocolError("a message is an object with v, id, op and args")
    check_version(content.get("v"))
    op, request_id = content.get("op"), readable_id(content)
    if not isinstance(op, str) or not _OP.fullmatch(op):
        raise ProtocolError("op is a short name in lower case")
    if request_id is None:
        raise ProtocolError(f"id is text of 1 to {MAX_ID_CHARACTERS} characters")
    unknown = content.keys() - (_CANCEL_KEYS if op == "cancel" else _ASK_KEYS)
    if unknown:
        raise ProtocolError(f"a message has no field {min(map(str, unknown))[:40]!r}")
    if op == "cancel":
        return Cancel(request_id)
    args = content.get("args", {})
    if not isinstance(args, Mapping):
        raise ProtocolError("args is an object")
    size = check_incoming(args, MAX_INCOMING_ITEMS, MAX_INCOMING_BYTES)
    return Ask(request_id, op, args, _checked_buffers(buffers, MAX_INCOMING_BYTES - size))


def check_version(version: object) -> None:
    """Refuse every protocol version but ours."""
    if type(version) is not int or version != PROTOCOL:
        raise VersionMismatch(
            f"the page speaks protocol {str(version)[:20]}, this kernel speaks {PROTOCOL}.",
            "Run the cell again; if that does not help, reload the page.",
        )


def _checked_buffers(buffers: Sequence[Buffer] | None, room: int) -> tuple[Buffer, ...]:
    checked = tuple(buffers or ())
    if not all(isinstance(buffer, bytes | bytearray | memoryview) for buffer in checked):
        raise ProtocolError("a buffer is bytes")
    if sum(memoryview(buffer).nbytes for buffer in checked) > room:
        raise ProtocolError(f"the message is larger than {MAX_INCOMING_BYTES} bytes")
    return checked


def receipt(request_id: str) -> Message:
    """The request arrived; its answer may take a while."""
    return {"v": PROTOCOL, "id": request_id, "ack": True}


def answer(request_id: str, result: object) -> Message:
    """The request is done. Raises TypeError or ValueError where `result` is not JSON."""
    return {"v": PROTOCOL, "id": request_id, "ok": True, "result": plain(result)}


def refusal(request_id: str | None, error: Mapping[str, str]) -> Message:
    """The request was refused or failed; the id is null where none could be read."""
    return {"v": PROTOCOL, "id": request_id, "ok": False, "error": dict(error)}


def progress(
    request_id: str, done: float, total: float, label: str, partial: object = None
) -> Message:
    """How far a request is; `partial` is what is known of its result."""
    counted = {"done": plain(done), "total": plain(total), "label": str(label)}
    message: Message = {"v": PROTOCOL, "id": request_id, "progress": counted}
    if partial is not None:
        message["partial"] = plain(partial)
    return message


def describe(error: BaseException, op: str) -> dict[str, str]:
    """An exception as the page shows it; what nobody foresaw says in which op it happened."""
    if isinstance(error, MechwidgetError):
        return {"type": type(error).__name__, "message": error.message, "hint": error.hint}
    if isinstance(error, futures.CancelledError):
        replaced = "Something newer replaced this request."
        return {"type": CancelledError.__name__, "message": replaced, "hint": ""}
    if isinstance(error, KeyboardInterrupt):
        return {"type": "Interrupted", "message": "The kernel was interrupted.", "hint": ""}
    if said := REGISTRY.culprit(error):
        hint = "It is a plugin: mw.plugins() lists them, and whoever made it can mend it."
        return {"type": "PluginError", "message": f"{said[:500]} (in op {op})", "hint": hint}
    detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return {
        "type": "InternalError",
        "message": f"internal error in op {op}: {detail[:500]}",
        "hint": "This is a fault of mechwidget; the kernel's log has the traceback.",
    }
