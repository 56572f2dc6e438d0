"""Recipes of older versions become recipes of the newest, one version at a time.

In: a document of any known version. Out: a new document of the newest; what was given is not
changed, and fields that no step knows go along. A new version is a step below and a line in the
table.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from mechwidget.recipes.numbers import packed
from mechwidget.recipes.problem import RecipeError, kind_of
from mechwidget.recipes.schema import VERSION
from mechwidget.recipes.text import leaves
from mechwidget.recipes.validation import version_of

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]


def migrate(document: Any) -> Document:
    """The document as one of the newest version.

    Raises:
        RecipeError: it is no recipe, is of a newer version, or is not what its version has.
    """
    version = version_of(document)
    for _ in leaves(document):  # raises where it is too deep to be copied
        pass
    made: Document = deepcopy(document)
    for before in range(version, VERSION):
        try:
            made = STEPS[before](made)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, RecipeError):
                raise
            raise RecipeError(f"The recipe is not what version {before} has: {error}.") from None
        made["version"] = before + 1
    return made


def _from_1(old: Document) -> Document:
    """Version 1 was flat: one prompt beside the other, switches within the interventions."""
    new = dict(old)
    name = new.pop("model")
    model = {"name": _text(name, "model"), "loaded_from": name}
    if "dtype" in new:
        model["dtype"] = new.pop("dtype")
    prompts: Document = {"a": _prompt_of(new.pop("prompt"))}
    for was, now in (("other_prompt", "b"), ("reference", "reference")):
        if was in new:
            given = new.pop(was)
            many = isinstance(given, list) and now == "reference"
            prompts[now] = [_prompt_of(each) for each in given] if many else _prompt_of(given)
    new |= {"model": model, "prompts": prompts}
    new["interventions"] = [_entry_of(each) for each in new["interventions"]]
    if "directions" in new:
        new["directions"] = [
            {"name": name, "values": packed([float(number) for number in values])}
            for name, values in new["directions"].items()
        ]
    new["snapshots"] = [_snapshot_of(each) for each in new.get("snapshots", [])]
    return new


def _snapshot_of(old: Document) -> Document:
    new = dict(old)
    new["interventions"] = [_entry_of(each) for each in new["interventions"]]
    if "prompt" in new:
        new["prompts"] = {"a": _prompt_of(new.pop("prompt"))}
    return new


def _entry_of(old: Document) -> Document:
    does = dict(old)
    entry: Document = {
        name: does.pop(name) for name in ("sentence", "name", "enabled") if name in does
    }
    return {**entry, "does": packed(does)}


def _prompt_of(given: Any) -> Any:
    if given is None:
        return None
    return {"ids": given} if isinstance(given, list) else {"text": _text(given, "prompt")}


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise RecipeError(f"{what} is {kind_of(value)}; version 1 has text there.")
    return value


STEPS: dict[int, Callable[[Document], Document]] = {1: _from_1}
