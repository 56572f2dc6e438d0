"""Where files are kept that can be computed again: a folder of the user's, as each system has it.

In: the environment. Out: a path, which need not exist.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """`MECHWIDGET_CACHE` if it is set, else `mechwidget` in the user's cache folder."""
    own = os.environ.get("MECHWIDGET_CACHE")
    if own:
        return Path(own).expanduser()
    given = os.environ.get("XDG_CACHE_HOME", "")
    if Path(given).is_absolute():  # what is not absolute is to be ignored, says the standard
        return Path(given) / "mechwidget"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mechwidget"
    local = os.environ.get("LOCALAPPDATA")
    if sys.platform == "win32" and local:
        return Path(local) / "mechwidget" / "Cache"
    return Path.home() / ".cache" / "mechwidget"
