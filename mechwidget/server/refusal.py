"""A request that is refused: its HTTP status, and what the caller is told.

Every error of this extension reaches the caller as `{error: {type, message, hint}}`: `type` for
programs, `message` and `hint` for people. What went wrong inside is logged and not told.
"""

from __future__ import annotations

import errno
from http import HTTPStatus
from typing import Any

from tornado import web

Json = dict[str, Any]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}

_WORDS: dict[int, tuple[str, str, str]] = {
    400: ("bad_request", "The request could not be understood.", "See rest-api.yaml."),
    403: ("forbidden", "You are not allowed to do this.", "Log in, or ask who runs the server."),
    404: ("not_found", "There is nothing at this address.", "See rest-api.yaml for the routes."),
    405: ("method_not_allowed", "This address has no such method.", "See rest-api.yaml."),
    409: ("conflict", "This is in the way of something that exists.", "Choose another name."),
    413: ("too_large", "The request is larger than this server takes.", ""),
}
_OURS = ("internal", "The mechwidget extension met an error of its own.", "The log has the reason.")


class Refusal(web.HTTPError):
    """A request that is refused, with a sentence.

    Attributes:
        kind: a word for programs, such as "not_found".
        message: what was wrong and what was expected.
        hint: what to do about it, possibly empty.
        details: fields beside `error` in the answer.
    """

    def __init__(
        self, status: int, kind: str, message: str, hint: str = "", **details: Any
    ) -> None:
        super().__init__(status, message, reason=HTTPStatus(status).phrase)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.details = details


def told(status: int, error: BaseException | None) -> Json:
    """The body of the answer to a request that failed."""
    if isinstance(error, Refusal):
        return _body(error.kind, error.message, error.hint) | error.details
    return _body(*_WORDS.get(status, _OURS))


def of_storage(error: web.HTTPError, path: str) -> Refusal:
    """What a contents manager refused, in our words: its own may hold paths of the machine."""
    number = _errno(error)
    if number in _NO_ROOM:
        return Refusal(
            507, "no_room", f"There is no room to write {path}.", "What was there is unchanged."
        )
    if error.status_code == 404 and number not in _NOT_ALLOWED:
        return missing(path)
    if error.status_code == 403 or number in _NOT_ALLOWED:
        return Refusal(
            403, "not_writable", f"{path} may not be changed here.", "Its folder is read-only."
        )
    if error.status_code in (400, 409):
        return Refusal(400, "not_stored", f"{path} cannot be used here.", "Choose another path.")
    return Refusal(500, "storage", f"{path} could not be reached.", "The server's log has more.")


def missing(path: str) -> Refusal:
    """There is no such recipe, or it may not be known that there is one."""
    return Refusal(404, "not_found", f"There is no recipe {path}.", "List the recipes again.")


def _body(kind: str, message: str, hint: str) -> Json:
    return {"error": {"type": kind, "message": message, "hint": hint}}


def _errno(error: BaseException | None) -> int | None:
    """The number of the system's error behind another one."""
    seen = 0
    while error is not None and seen < 8:
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None
