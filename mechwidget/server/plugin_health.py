"""The plugins that are installed beside the server, and how they are.

In flow the entry points of this environment; out flow their names and health. Plugins are code of
others and may import torch, so they are looked at in a process of their own, with a time limit;
what that process cannot tell is told from the entry points alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from importlib.metadata import entry_points
from typing import Any

Json = dict[str, Any]

GROUPS = ("sources", "interventions", "metrics", "scores", "dictionaries", "views")

_COMMAND = ("-m", "mechwidget", "plugins", "--json")
_MOST_BYTES = 4 * 2**20
_FIELDS = (
    "group",
    "name",
    "value",
    "distribution",
    "version",
    "state",
    "reason",
    "seconds",
    "usable",
)


class PluginHealth:
    """Looks at most once in `keep` seconds, and once for all who ask meanwhile.

    Args:
        seconds: how long the process that loads them may take.
        keep: how long an answer is good for.
    """

    def __init__(self, seconds: float, keep: float) -> None:
        self._seconds = seconds
        self._keep = keep
        self._lock = asyncio.Lock()
        self._found: Json | None = None
        self._made = 0.0

    async def list(self, *, refresh: bool = False) -> Json:
        """`plugins`, one object each, and `checked`: whether they were loaded to see."""
        async with self._lock:
            old = time.monotonic() - self._made > self._keep
            if self._found is None or old or refresh:
                self._found = await self._look()
                self._made = time.monotonic()
            return self._found

    async def _look(self) -> Json:
        records = await _records(self._seconds)
        if records is None:
            return {"checked": False, "plugins": await asyncio.to_thread(_declared)}
        return {"checked": True, "plugins": records}


async def _records(seconds: float) -> list[Json] | None:
    """What loading each has shown; None where the process failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *_COMMAND,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_MOST_BYTES,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        return None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    try:
        found = json.loads(out)
    except (ValueError, RecursionError):
        return None
    listed = found.get("plugins") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        return None
    return [_record(each) for each in listed if isinstance(each, dict)]


def _record(found: Json) -> Json:
    return {name: found.get(name) for name in _FIELDS}


def _declared() -> list[Json]:
    """What is declared, by nobody's code but that of the declarations."""
    return [
        {
            "group": group,
            "name": each.name,
            "value": each.value,
            "distribution": "" if each.dist is None else each.dist.name,
            "version": "" if each.dist is None else each.dist.version,
            "state": "not loaded",
            "reason": "",
            "seconds": None,
            "usable": False,
        }
        for group in GROUPS
        for each in entry_points(group=f"mechwidget.{group}")
        if each.dist is None or each.dist.name != "mechwidget"
    ]
