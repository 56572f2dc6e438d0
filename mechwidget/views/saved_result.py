"""What a notebook saves of a view as data, beside the still picture: for a page that has the views.

In: the name of a view, its state, and the numbers that came in time. Out: an entry of a MIME
bundle, small, which a renderer (VS Code's, in js/vscode) draws as the view, without a kernel.
"""

from __future__ import annotations

import json
from typing import Any

MIME = "application/vnd.mechwidget.saved+json"
MOST_BYTES = 60_000
"""As much as the still picture: a notebook with many views stays small."""


def saved_result(view: str, state: dict[str, Any]) -> dict[str, Any]:
    """The entry, or none where it would be larger than `MOST_BYTES`.

    Args:
        view: its name on a page; that of a plugin's view has a prefix, since it needs a script that
            only a kernel has, and nothing is saved of it.
        state: with the numbers of its snapshot.
    """
    if ":" in view:
        return {}
    numbers = state.get("numbers", {})
    shown = {key: value for key, value in state.items() if key != "numbers"}
    effects = {"effects": numbers["effects"]} if "effects" in numbers else {}
    saved = {"view": view, "state": shown, "numbers": effects}
    return {MIME: saved} if len(json.dumps(saved)) <= MOST_BYTES else {}
