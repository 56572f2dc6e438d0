"""Writes constraints.txt: the exact version of everything that mechwidget and its extras pull in.

Flows in: the packages of the environment that runs this (`make lock`). Flows out: one
`name==version` a line, the closure of our own requirements, without local suffixes such as
`+cpu`, so that any build of torch with that version satisfies it.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
STARTS = ("mechwidget[lab,test]", "hatchling", "hatch-jupyter-builder")
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


if __name__ == "__main__":
    pins = closure(STARTS)
    pins.pop("mechwidget", None)
    lines = "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))
    (ROOT / "constraints.txt").write_text(HEADER + lines)
