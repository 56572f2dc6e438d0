"""What a recipe may be called: a path below the served folder that every system can store.

In flows text from a request, already percent-decoded; out flows a clean path, or a refusal that
says what is wrong with it. Reading is lenient about names, never about where they lead; writing
also keeps to names that Windows, macOS and a shell can live with.
"""

from __future__ import annotations

import re
import unicodedata

from mechwidget.recipes import SUFFIX
from mechwidget.server.refusal import Refusal

_LONGEST_PATH = 1024
_LONGEST_NAME = 200  # bytes; file systems take 255, and editors add to it
_DEEPEST = 32
_RESERVED = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in "123456789"}
_ENCODED = re.compile("%[0-9A-Fa-f]{2}")
_AWKWARD = set('<>:"|?*')


def readable_path(path: str) -> str:
    """The path of an existing recipe.

    Raises:
        Refusal: it leads out of the folder, to something hidden, or to something else.
    """
    names = path.split("/")
    if len(path) > _LONGEST_PATH or len(names) > _DEEPEST:
        raise _bad(path[:80] + "…", "is too long")
    if path.startswith("/") or "\\" in path or any(name in ("", ".", "..") for name in names):
        raise _bad(path, "does not stay below the served folder")
    if any(name.startswith(".") for name in names):
        raise _bad(path, "is hidden")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in path):
        raise _bad(ascii(path), "has a character that is none of a name")
    if not path.endswith(SUFFIX) or len(names[-1]) == len(SUFFIX):
        raise _bad(path, f"does not end with a name and {SUFFIX}")
    return path


def writable_path(path: str) -> str:
    """The path of a recipe to be written.

    Raises:
        Refusal: as for reading, and for a name that some system could not store.
    """
    readable_path(path)
    for name in path.split("/"):
        if name.split(".")[0].strip().lower() in _RESERVED:
            raise _bad(path, f"has the name {name}, which Windows keeps for itself")
        if any(letter in _AWKWARD for letter in name):
            raise _bad(path, f"has one of {' '.join(sorted(_AWKWARD))} in it")
        if _ENCODED.search(name):
            raise _bad(path, "has a percent sign before two digits, which some take for a code")
        if name != name.strip() or name.endswith("."):
            raise _bad(path, "begins or ends with a space, or ends with a dot")
        if any(unicodedata.category(letter) == "Cf" for letter in name):
            raise _bad(ascii(path), "has an invisible character")
        if len(name.encode("utf-8")) > _LONGEST_NAME:
            raise _bad(name[:80] + "…", f"is longer than {_LONGEST_NAME} bytes")
    return unicodedata.normalize("NFC", path)


def readable_folder(path: str) -> str:
    """The path of a folder to look in; empty for the served folder itself."""
    path = path.strip("/")
    if path:
        readable_path(f"{path}/x{SUFFIX}")
    return path


def _bad(path: str, why: str) -> Refusal:
    return Refusal(
        400,
        "bad_path",
        f"The path {path if path.isprintable() else ascii(path)} {why}.",
        f"Expected something like folder/name{SUFFIX}, relative to the served folder.",
    )
