"""The routes, by the name under which each can be switched off.

In flow the names that are enabled; out flow patterns and handlers. `rest-api.yaml` describes the
same routes, and a test holds the two against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.server.about_handlers import Capabilities, Description, Models, Plugins
from mechwidget.server.api_handler import MechwidgetHandler, NoSuchRoute
from mechwidget.server.change_handlers import Events
from mechwidget.server.document_handlers import Difference, Render, Validate
from mechwidget.server.recipe_handlers import Recipe, Recipes
from mechwidget.server.session_handlers import KernelSessions, SessionAction, Sessions

if TYPE_CHECKING:
    from collections.abc import Iterable

Route = tuple[str, type[MechwidgetHandler]]

ROOT = "/mechwidget/api"

_ID = r"([0-9A-Za-z_-]{1,64})"

ALWAYS: list[Route] = [(r"/?", Capabilities), (r"/rest-api\.yaml", Description)]
NAMED: dict[str, list[Route]] = {
    "recipes": [
        (r"/recipes/?", Recipes),
        (r"/recipes/(.+)", Recipe),
        (r"/validate", Validate),
        (r"/difference", Difference),
    ],
    "render": [(r"/render", Render)],
    "models": [(r"/models", Models)],
    "sessions": [
        (r"/sessions/?", Sessions),
        (rf"/sessions/{_ID}", KernelSessions),
        (rf"/sessions/{_ID}/{_ID}", SessionAction),
    ],
    "plugins": [(r"/plugins", Plugins)],
    "events": [(r"/events", Events)],
}


def handlers(enabled: Iterable[str]) -> list[tuple[Any, ...]]:
    """What the server is given, the last of which answers for all that is no route."""
    wanted = [route for name, routes in NAMED.items() if name in set(enabled) for route in routes]
    ours = [(ROOT + pattern, handler) for pattern, handler in [*ALWAYS, *wanted]]
    return [*ours, (ROOT + r"(/.*)?", NoSuchRoute)]
