"""What can be wrong with a recipe, and where: one sentence for a person.

In: a path into the document and what was found there. Out: frozen values, and the error that is
raised where nothing can be done with the document.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 60


class RecipeError(MechwidgetError, ValueError):
    """A recipe that cannot be read, understood or written; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a document.

    Attributes:
        path: where, such as `interventions[2].does.type`; empty for the whole document.
        message: what is wrong, in a sentence.
        severity: "error", or "note" where the part is kept and only not understood.
    """

    path: str
    message: str
    severity: Literal["error", "note"] = "error"

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def path_of(steps: Iterable[str | int]) -> str:
    """Keys and places as a path: `a.b[2]`."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def short(value: Any) -> str:
    """A value as it is shown in a sentence."""
    text = f"“{value}”" if isinstance(value, str) else reprlib.repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def kind_of(value: Any) -> str:
    """What a value is, in the words of JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
