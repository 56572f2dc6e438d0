"""The version of the plugin API, and whether a plugin was written for one that this is.

A plugin may say what it was written for: `mechwidget_api = "1.0"` on the part itself, in its module
or in its package. Another first number is another contract; a higher second number needs something
that this mechwidget does not have yet. One that says nothing is taken as it is.

In: what a plugin says. Out: a reason why it does not fit, or nothing.
"""

from __future__ import annotations

import re
import sys

API_VERSION = "1.0"
"""What this mechwidget offers plugins: major.minor."""

STATEMENT = "mechwidget_api"


def misfit(part: object, module: str) -> str:
    """Why a part from `module` was written for another API; empty where it fits or does not say."""
    stated = _stated(part, module)
    if stated is None:
        return ""
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?", str(stated).strip())
    if found is None:
        return f'{STATEMENT} is {stated!r:.40}; expected e.g. "{API_VERSION}"'
    major, minor = int(found[1]), int(found[2] or 0)
    ours = tuple(map(int, API_VERSION.split(".")))
    if (major, minor) == ours or (major == ours[0] and minor < ours[1]):
        return ""
    mend = "a newer mechwidget" if (major, minor) > ours else "a newer version of the plugin"
    return f"written for plugin API {stated}, this is {API_VERSION}: it needs {mend}"


def _stated(part: object, module: str) -> object:
    places = (part, sys.modules.get(module), sys.modules.get(module.partition(".")[0]))
    for place in places:
        said: object = getattr(place, STATEMENT, None)
        if said is not None:
            return said
    return None
