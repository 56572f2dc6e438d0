"""Which versions are installed, and whether they are new enough.

In: the metadata of this environment. Out: findings.
"""

from __future__ import annotations

import platform
import re
from importlib import metadata
from typing import TYPE_CHECKING

from mechwidget.checkup.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHERS = ("ipykernel", "jupyterlab", "notebook", "marimo")
_NEEDED = re.compile(r"([A-Za-z0-9_.-]+)>=([0-9.]+)$")


def versions() -> Iterator[Finding]:
    """mechwidget, Python, what mechwidget needs, and the front ends beside it."""
    yield Finding("Python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    try:
        own = metadata.version("mechwidget")
        needed = [found for line in metadata.requires("mechwidget") or () if (found := _need(line))]
    except metadata.PackageNotFoundError:
        yield Finding("mechwidget", "run from a folder, not installed", "note")
        return
    yield Finding("mechwidget", own)
    for name, least in needed:
        yield _version(name, least)
    for name in OTHERS:
        if there := _installed(name):
            yield Finding(name, there)


def _need(line: str) -> tuple[str, str] | None:
    found = _NEEDED.match(line.partition(";")[0].strip())
    return (found[1], found[2]) if found and "extra" not in line else None


def _version(name: str, least: str) -> Finding:
    there = _installed(name)
    mend = f"pip install '{name}>={least}'"
    if there is None:
        return Finding(name, "not installed", "wrong", mend)
    if _numbers(there) < _numbers(least):
        return Finding(name, f"{there} is older than {least}", "wrong", mend)
    return Finding(name, there)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])
