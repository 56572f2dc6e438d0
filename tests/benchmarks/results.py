"""RESULTS.md: one section per benchmark and per kind of machine it was run on.

In: a heading and lines. Out: the file, with that section written anew and the others as they were.
"""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
TITLE = "# What was measured\n\nWritten by `make bench`; each section is from one run of it.\n"


def write(heading: str, lines: list[str], file: Path = RESULTS) -> str:
    """Put a section into the file, in the place of the one of that heading; return its text."""
    text = "\n".join([f"## {heading}", "", *lines]).rstrip() + "\n"
    known = _sections(file.read_text(encoding="utf-8")) if file.exists() else {}
    known[heading] = text
    file.write_text("\n".join([TITLE, *known.values()]), encoding="utf-8")
    return text


def versions(*packages: str) -> str:
    """Python and packages with their versions; one that is missing is named as such."""
    return ", ".join([f"Python {platform.python_version()}", *map(_version, packages)])


def processor() -> str:
    """What this machine computes with."""
    with Path("/proc/cpuinfo").open() as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0].strip(): f"## {part.rstrip()}\n" for part in parts}
