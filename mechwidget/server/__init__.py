"""The Jupyter server extension: recipes, models, live sessions and plugins over REST.

In flow requests to `/mechwidget/api/…`; out flow what `rest-api.yaml` beside this file describes.
The kernel owns the model; the server never loads one, and importing this costs neither torch nor
transformers. Installing the wheel enables it. Every widget works without it.
"""

from __future__ import annotations

from typing import Any

from mechwidget import __version__

__all__ = ["__version__"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from mechwidget.server.app import MechwidgetServer  # noqa: PLC0415 - asked for by a server

    return [{"module": "mechwidget.server", "app": MechwidgetServer}]
