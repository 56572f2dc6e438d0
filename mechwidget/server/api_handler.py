"""What all routes share: who may come in, how much they may bring, how they are answered.

In flows a request; it is authenticated, and its size judged, before a byte of its body is read.
Out flow JSON or a refusal in a sentence. A route class states `auth_resource`: "contents" and
"kernels" where it reaches what those words name in Jupyter, so that an authorizer that a site has
already rules here too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web

from mechwidget.server.refusal import Refusal, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.server.app import MechwidgetServer

Json = dict[str, Any]
Method = TypeVar("Method", bound="Callable[..., Any]")

_SMALL_BODY = 64 * 1024
_DEEPEST = 200


def authorized_to(action: str) -> Callable[[Method], Method]:
    """Authorize a method for another action than its HTTP verb stands for."""
    return cast("Callable[[Method], Method]", authorized(action=action))


@web.stream_request_body
class MechwidgetHandler(ExtensionHandlerMixin, APIHandler):
    """A route of this extension."""

    auth_resource = "mechwidget"
    takes_recipes = False
    """Whether a body may be as large as a recipe; others are small."""

    entity_tag: str | None = None
    """What the answer is the version of; `If-None-Match` is judged against it."""

    _let_in = False

    @property
    def app(self) -> MechwidgetServer:
        """The extension, with its configuration."""
        return cast("MechwidgetServer", self.extensionapp)

    # -- before a byte of the body is read

    async def prepare(self, **given: Any) -> None:
        """Refuse strangers and what is too large."""
        self._body = bytearray()
        await super().prepare(**given)
        if self._finished or self.request.method == "OPTIONS":
            return
        if not self.current_user:
            raise web.HTTPError(403)
        self._refuse_large(int(self.request.headers.get("Content-Length") or 0))
        self._let_in = True

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, up to the limit and one byte more."""
        self._body += chunk[: self._most_bytes() + 1 - len(self._body)]

    def _refuse_large(self, n_bytes: int) -> None:
        most = self._most_bytes()
        if n_bytes > most:
            message = f"The request has {n_bytes:,} bytes or more; at most {most:,} are taken here."
            hint = "MechwidgetServer.max_recipe_bytes sets the limit." if self.takes_recipes else ""
            raise Refusal(413, "too_large", message, hint)

    def _most_bytes(self) -> int:
        return self.app.max_recipe_bytes if self.takes_recipes else _SMALL_BODY

    # -- reading

    def body_json(self) -> Json:
        """The body as a JSON object."""
        self._refuse_large(len(self._body))
        kind = self.request.headers.get("Content-Type", "application/json")
        if "json" not in kind.lower():
            raise Refusal(415, "not_json", "The body must be JSON.", "Send application/json.")
        return json_object(bytes(self._body), "The body")

    def flag(self, name: str) -> bool:
        """A query argument that is "1" or "true"."""
        return self.get_query_argument(name, "").lower() in ("1", "true")

    # -- answering

    def send(self, content: Json, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.finish(json.dumps(content, ensure_ascii=False, allow_nan=False))

    def compute_etag(self) -> str | None:
        """The version of what is sent; without one the answer has no ETag."""
        return self.entity_tag

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Every refusal has the same form."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        if status_code == 409 and isinstance(error, Refusal) and error.kind == "kernel_busy":
            self.set_header("Retry-After", "1")
        body = told(status_code, error)
        if not self._let_in:  # tornado will not read on: say so, or the next request is lost
            self.set_header("Connection", "close")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(body, ensure_ascii=False))


def json_object(raw: bytes, what: str) -> Json:
    """The JSON object in some bytes from outside; `what` begins the sentence of a refusal."""
    try:
        found = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise Refusal(400, "not_utf8", f"{what} is not UTF-8 text.") from None
    except RecursionError:
        raise Refusal(400, "too_deep", f"{what} is nested too deeply.") from None
    except ValueError as error:
        raise Refusal(400, "not_json", f"{what} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Refusal(400, "not_an_object", f"{what} is not a JSON object.")
    if _deeper_than(found, _DEEPEST):
        raise Refusal(400, "too_deep", f"{what} is nested deeper than {_DEEPEST} levels.")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _deeper_than(value: object, levels: int) -> bool:
    layer: list[object] = [value]
    for _ in range(levels):
        inner = [each for each in layer if isinstance(each, dict | list)]
        layer = [x for each in inner for x in (each.values() if isinstance(each, dict) else each)]
        if not layer:
            return False
    return True


class NoSuchRoute(MechwidgetHandler):
    """Everything under our address that is no route: said in the same form."""

    def _refuse(self) -> None:
        raise Refusal(404, "no_route", "There is no such route.", "See rest-api.yaml.")

    @web.authenticated
    def get(self, *_: str) -> None:
        """No route."""
        self._refuse()

    put = post = patch = delete = head = get
