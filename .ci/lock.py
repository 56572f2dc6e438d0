"""Writes the locks: constraints.txt, and what package-lock.json lacks for other machines.

Flows in: the packages of the environment that runs this (`make lock`), and the npm lock. Flows
out: one `name==version` a line, the closure of our own requirements, without local suffixes such
as `+cpu`, so that any build of torch with that version satisfies it; and an npm lock that `npm ci`
accepts on every platform, although the one that wrote it may not have seen the others' binaries.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
STARTS = ("mechwidget[dev,lab,test]", "hatchling", "hatch-jupyter-builder")
PLATFORM = r"-(android|darwin|freebsd|linux|openbsd|openharmony|win32)-([a-z0-9]+)-?([a-z]*)$"
HEADER = "# Written by `make lock`; every package that a checkout installs, at one version.\n"


def closure(starts: tuple[str, ...]) -> dict[str, str]:
    """Name → version of everything reachable from `starts` in this environment."""
    versions: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = [Requirement(start) for start in starts]
    while queue:
        wanted = queue.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            versions[key[0]] = Version(distribution(wanted.name).version).public
        except PackageNotFoundError:
            continue  # needed on another platform only
        for line in requires(wanted.name) or ():
            needed = Requirement(line)
            extras = wanted.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
                queue.append(needed)
    return versions


def platform_entry(version: str, system: str, chip: str, variant: str) -> dict[str, object]:
    """The lock's line for a binary that this machine cannot use: where it belongs."""
    entry = {"version": version, "cpu": [chip], "dev": True, "optional": True, "os": [system]}
    if system == "linux":
        entry["libc"] = ["musl" if variant.startswith("musl") else "glibc"]
    return entry


def complete_npm_lock(lock: dict[str, dict[str, dict[str, dict[str, str]]]]) -> None:
    """Add the optional platform packages that npm left out because it could not see them."""
    packages = lock["packages"]
    for package in list(packages.values()):
        for name, version in package.get("optionalDependencies", {}).items():
            where = f"node_modules/{name}"
            if where not in packages and (found := re.search(PLATFORM, name)):
                packages[where] = platform_entry(version, *found.groups())
    lock["packages"] = dict(sorted(packages.items()))


def write_python_lock() -> None:
    """constraints.txt, from what is installed here."""
    pins = closure(STARTS)
    pins.pop("mechwidget", None)
    lines = "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))
    (ROOT / "constraints.txt").write_text(HEADER + lines)


def write_npm_lock() -> None:
    """package-lock.json as npm wrote it, completed."""
    path = ROOT / "package-lock.json"
    lock = json.loads(path.read_text())
    complete_npm_lock(lock)
    path.write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    write_python_lock()
    write_npm_lock()
