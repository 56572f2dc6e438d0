"""Where the front end comes from, and whether it is whole; and what the page needs beside it.

In: the files of the package, and where Jupyter looks for extensions. Out: findings.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mechwidget.checkup.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parent.parent
FILES = ("mechwidget.js", "mechwidget-loader.js", "mechwidget.css")
BUILD = (
    "In a source tree run `make build`; else pip install --force-reinstall --no-deps mechwidget."
)
# Python packages whose part on the page has to be installed beside JupyterLab.
ON_THE_PAGE = {
    "anywidget": "anywidget",
    "jupyterlab_widgets": "@jupyter-widgets/jupyterlab-manager",
}


def front_end(package: Path = PACKAGE) -> Iterator[Finding]:
    """The built files: there, whole, and as new as their source."""
    folder = package / "static"
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        yield Finding("front end", f"{folder} lacks {', '.join(missing)}", "wrong", BUILD)
        return
    changed = [name for name in FILES if _recorded(name) not in (None, _hash(folder / name))]
    empty = [name for name in FILES if (folder / name).stat().st_size == 0]
    if empty or changed:
        said = f"not as they were installed: {', '.join(sorted({*empty, *changed}))}"
        yield Finding("front end", said, "wrong", BUILD)
        return
    if newer := _newer_source(package):
        said = f"{newer.name} has changed since it was built"
        yield Finding("front end", said, "wrong", "Run `make build`.")
    from mechwidget.views.bundle import fingerprint

    said = (
        f"{folder}, whole, fingerprint {fingerprint()}; sent by the kernel, nothing from a network"
    )
    yield Finding("front end", said)


def extensions() -> Iterator[Finding]:
    """What JupyterLab shows widgets with, where there is one beside this Python."""
    from jupyter_core.paths import jupyter_path

    if _version("jupyterlab") is None and _version("notebook") is None:
        yield Finding("labextensions", "no JupyterLab beside this Python", "note")
        return
    folders = [Path(path) for path in jupyter_path("labextensions")]
    for package, name in ON_THE_PAGE.items():
        there = next((f / name for f in folders if (f / name / "package.json").is_file()), None)
        about = f"labextension {name}"
        if there is None:
            mend = f"pip install {package.replace('_', '-')}, and restart JupyterLab"
            yield Finding(about, "not found: widgets stay blank", "wrong", mend)
        else:
            version = json.loads((there / "package.json").read_text()).get("version", "?")
            yield Finding(about, f"{version} in {there}")
    own = next((f for f in folders if (f / "mechwidget" / "package.json").is_file()), None)
    said = f"in {own}" if own else "not installed: widgets work without it, the side panel does not"
    yield Finding("labextension mechwidget", said, "fine" if own else "note")


def server_extension() -> Iterator[Finding]:
    """Whether jupyter_server is told to load ours; widgets work without it."""
    from jupyter_core.paths import jupyter_config_path

    name = "mechwidget.server"
    for folder in map(Path, jupyter_config_path()):
        files = [
            folder / "jupyter_server_config.json",
            *sorted((folder / "jupyter_server_config.d").glob("*.json")),
        ]
        for file in files:
            enabled = _enabled(file, name) if file.is_file() else None
            if enabled is not None:
                said = f"{'enabled' if enabled else 'disabled'} by {file}"
                yield Finding("server extension", said, "fine" if enabled else "note")
                return
    yield Finding("server extension", "not enabled: widgets work without it", "note")


def _enabled(file: Path, name: str) -> bool | None:
    settings: Any = json.loads(file.read_text())
    told = settings.get("ServerApp", {}).get("jpserver_extensions", {})
    found = [value for key, value in told.items() if key in (name, "mechwidget")]
    return bool(found[0]) if found else None


def _recorded(name: str) -> str | None:
    """The hash that was noted of a file when it was installed; None in a source tree."""
    try:
        files = metadata.files("mechwidget") or ()
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.as_posix() == f"mechwidget/static/{name}" and file.hash is not None:
            here = Path(str(file.locate())).resolve() == (PACKAGE / "static" / name).resolve()
            return file.hash.value if here else None
    return None


def _hash(file: Path) -> str:
    digest = hashlib.sha256(file.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _newer_source(package: Path) -> Path | None:
    """A source that is newer than what was built of it, in a source tree."""
    sources = package.parent / "js"
    if not (sources / "build.mjs").is_file():
        return None
    built = (package / "static" / FILES[0]).stat().st_mtime
    files = [
        f for f in sources.rglob("*") if f.suffix in (".ts", ".css") and "tests" not in f.parts
    ]
    newest = max(files, key=lambda file: file.stat().st_mtime, default=None)
    return newest if newest is not None and newest.stat().st_mtime > built + 1 else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
