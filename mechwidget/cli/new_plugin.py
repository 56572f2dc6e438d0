"""`mechwidget new-plugin NAME --kind …`: a package to start from, with a test that passes.

In: a name and a kind. Out: a folder with an installable project, from the templates beside this
file; nothing that is there is written over.
"""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from mechwidget.errors import MechwidgetError
from mechwidget.plugin_api import API_VERSION, GROUPS, REGISTRY

if TYPE_CHECKING:
    import argparse

HELP = "write a package to start a plugin from"
TEMPLATES = "plugin_template"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 60
_NO_PACKAGES = {"mechwidget", "test", "tests", "torch", "transformers", "numpy"}


@dataclass(frozen=True)
class Kind:
    """One kind of plugin: its group, and what the entry point names ("" is the class of NAME)."""

    group: str
    object: str = ""
    files: tuple[str, ...] = ()


KINDS = {
    "source": Kind("sources", "SOURCE"),
    "intervention": Kind("interventions"),
    "metric": Kind("metrics"),
    "score": Kind("scores", "SCORE"),
    "dictionary": Kind("dictionaries", "DICTIONARIES"),
    "view": Kind("views", "", ("view.js", "view.css")),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The name, the kind, and where."""
    parser.add_argument("name", metavar="NAME", help="of the package: small letters, digits and -")
    parser.add_argument("--kind", required=True, choices=KINDS)
    parser.add_argument("--into", default=".", help="the folder to put its folder in (default: .)")


def run(arguments: argparse.Namespace) -> int:
    """Write it, and say what to do next."""
    folder = write_plugin(arguments.name, arguments.kind, Path(arguments.into))
    sys.stdout.write(
        f"{folder} is a plugin that works.\n\n"
        f"  cd {folder}\n  pip install -e .\n  python -m pytest\n  mechwidget plugins\n"
    )
    return 0


def write_plugin(name: str, kind: str, into: Path) -> Path:
    """Write the project; its folder.

    Raises:
        MechwidgetError: the name cannot be that of a package, its folder is there, or cannot be
            written.
    """
    about = KINDS[kind]
    words = _words(name, kind)
    _check_name(name, words["package"], words["part"], about.group)
    folder = into / name
    try:
        into.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        for target, template in _files(words["package"], kind, about):
            path = folder / target
            path.parent.mkdir(exist_ok=True)
            path.write_text(_filled(template, words), encoding="utf-8")
    except FileExistsError:
        raise MechwidgetError(
            f"{folder} is there already.", "Choose another name or another folder."
        ) from None
    except OSError as error:
        raise MechwidgetError(f"{folder} cannot be written: {error.strerror or error}.") from error
    return folder


def _files(package: str, kind: str, about: Kind) -> list[tuple[str, str]]:
    return [
        ("pyproject.toml", "pyproject.toml"),
        ("README.md", "README.md"),
        (f"{package}/__init__.py", "__init__.py"),
        (f"{package}/{kind}.py", f"{kind}.py"),
        *((f"{package}/{name}", name) for name in about.files),
        (f"tests/test_{package}.py", f"test_{kind}.py"),
    ]


def _words(name: str, kind: str) -> dict[str, str]:
    about, package = KINDS[kind], name.replace("-", "_")
    group = GROUPS[about.group]
    return {
        "name": name,
        "package": package,
        "part": name if kind == "view" else package,
        "title": name.replace("-", " ").capitalize(),
        "object": about.object or "".join(part.capitalize() for part in name.split("-")),
        "kind": kind,
        "group": about.group,
        "what": group.kind,
        "protocol": group.protocol.__name__,
        "api": API_VERSION,
    }


def _filled(template: str, words: dict[str, str]) -> str:
    text = _template(template).replace("{{found}}\n", f"\n{_template('test_found')}\n")
    for word, value in words.items():
        text = text.replace(f"{{{{{word}}}}}", value)
    return text


def _template(name: str) -> str:
    file = files("mechwidget.cli") / TEMPLATES / f"{name}.template"
    return file.read_text(encoding="utf-8")


def _check_name(name: str, package: str, part: str, group: str) -> None:
    expected = "Expected small letters and digits, in words joined by -, such as my-plugin."
    if not _NAME.fullmatch(name) or not 1 < len(name) <= _LONGEST:
        raise MechwidgetError(f"{name[:80]!r} is no name for a plugin.", expected)
    if keyword.iskeyword(package) or package in sys.stdlib_module_names | _NO_PACKAGES:
        raise MechwidgetError(f"{name!r} is the name of something else in Python.", expected)
    taken = REGISTRY.record(group, part)
    if taken is not None:
        raise MechwidgetError(
            f"{taken.origin} has a part called {part!r} in {group} already.", "Choose another name."
        )
