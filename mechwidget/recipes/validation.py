"""Whether a document is a recipe: every problem with its path and a sentence.

In: whatever somebody took for a recipe. Out: problems. The schema says what a file may look like;
interventions and vectors are then read as they would be when the file is loaded, without a model.
What is well formed and only not known here (another kind of intervention, another metric) is a
note: it is kept, and not done.
"""

from __future__ import annotations

import json
import math
from functools import cache
from typing import TYPE_CHECKING, Any

from mechwidget.plugin_api import REGISTRY
from mechwidget.recipes.numbers import unpacked
from mechwidget.recipes.problem import Problem, RecipeError, kind_of, path_of, short
from mechwidget.recipes.schema import FORMAT, VERSION, schema
from mechwidget.recipes.text import MOST_BYTES, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

_MOST_PROBLEMS = 50


def validate(document: Any) -> list[Problem]:
    """What is wrong with a document of the newest version, at most the first 50 problems.

    An older version is one problem; `migrate` makes a newer document of it.
    """
    wrong = _not_a_recipe(document)
    if wrong is not None:
        return [wrong]
    try:
        found = [*_not_finite(document), *_against_schema(document)]
    except RecipeError as error:
        return [Problem("", error.message)]
    if not found:  # what follows relies on the shape
        found = [*_meant(document), *_twice(document)]
    return found[:_MOST_PROBLEMS]


def version_of(document: Any) -> int:
    """The version that a recipe says it is of.

    Raises:
        RecipeError: it is no recipe, or of a version that is not known here.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RecipeError(
            f"This is no recipe: its format is not “{FORMAT}”.",
            "A recipe is what session.save(path) writes.",
        )
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise RecipeError(f"The recipe's version is {short(version)}; expected a whole number.")
    if version > VERSION:
        raise RecipeError(
            f"The recipe is of version {version}; this mechwidget reads up to {VERSION}.",
            "Upgrade mechwidget.",
        )
    return version


def _not_a_recipe(document: Any) -> Problem | None:
    try:
        version = version_of(document)
    except RecipeError as error:
        return Problem("", f"{error.message} {error.hint}".strip())
    if version < VERSION:
        said = f"The recipe is of version {version}; migrate makes version {VERSION} of it."
        return Problem("version", said)
    return None


def _not_finite(document: Any) -> Iterator[Problem]:
    size = 0
    for steps, value in leaves(document):
        size += len(value) if isinstance(value, str) else 8
        if isinstance(value, float) and not math.isfinite(value):
            yield Problem(path_of(steps), f"It is {value}, which is no number.")
    if size > MOST_BYTES:
        most = MOST_BYTES // 2**20
        raise RecipeError(f"The document has {size / 2**20:,.1f} MB; a recipe has at most {most}.")


# -- the schema


@cache
def _checker() -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - half of what an import costs

    return Draft202012Validator(schema())


def _against_schema(document: Any) -> list[Problem]:
    some = []
    for error in _checker().iter_errors(document):
        some.append(Problem(path_of(error.absolute_path), _said(error)))
        if len(some) >= 4 * _MOST_PROBLEMS:
            break
    return sorted(set(some), key=lambda problem: problem.path)


def _said(error: ValidationError) -> str:
    rule, expected, found = str(error.validator), error.validator_value, error.instance
    if rule == "required":
        missing = next(name for name in expected if error.message.startswith(repr(name)))
        return f"It has no “{missing}”."
    if rule == "type":
        return f"It is {kind_of(found)}; expected {_types(expected)}."
    if rule in ("const", "enum"):
        choices = expected if rule == "enum" else [expected]
        return f"It is {short(found)}; expected {' or '.join(map(short, choices))}."
    if rule in _LIMITS:
        words = _LIMITS[rule]
        has = len(found) if isinstance(found, str | list) else found
        return f"It {words[0]} {has:,}{words[1]}; {words[2]} {expected:,}."
    return f"It does not fit the schema ({rule})."


_LIMITS = {
    "minimum": ("is", "", "the least is"),
    "maximum": ("is", "", "the most is"),
    "minLength": ("has", " characters", "the least is"),
    "maxLength": ("has", " characters", "the most is"),
    "minItems": ("has", " entries", "the least is"),
    "maxItems": ("has", " entries", "the most is"),
}
_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


def _types(names: str | list[str]) -> str:
    return " or ".join(_TYPES[name] for name in ([names] if isinstance(names, str) else names))


# -- what it means


def _meant(document: dict[str, Any]) -> Iterator[Problem]:
    yield from _listed(document, "")
    for nth, each in enumerate(document.get("directions", [])):
        yield from _vector(each, f"directions[{nth}]")
    for nth, each in enumerate(document.get("snapshots", [])):
        yield from _listed(each, f"snapshots[{nth}].")


def _listed(part: dict[str, Any], at: str) -> Iterator[Problem]:
    for nth, entry in enumerate(part["interventions"]):
        if "does" in entry:
            yield from _intervention(entry["does"], f"{at}interventions[{nth}].does")
    metric = part.get("metric")
    if metric is not None and metric["type"] not in REGISTRY.names("metrics"):
        said = f"No metric is called {short(metric['type'])} here: it is kept and not measured."
        yield Problem(f"{at}metric.type", said, "note")


def _intervention(does: dict[str, Any], path: str) -> Iterator[Problem]:
    from mechwidget.interventions.codec import intervention_from_json  # noqa: PLC0415
    from mechwidget.interventions.kinds import intervention_kind  # noqa: PLC0415

    if intervention_kind(does["type"]) is None:
        said = f"No intervention is called {short(does['type'])} here: it is kept and not done."
        yield Problem(f"{path}.type", said, "note")
        return
    try:
        intervention_from_json(unpacked(does))
    except Exception as error:  # noqa: BLE001 - a kind of somebody else's may raise anything
        yield Problem(path, str(error) or type(error).__name__)


def _vector(direction: dict[str, Any], path: str) -> Iterator[Problem]:
    try:
        unpacked(direction.get("values"))
    except RecipeError as error:
        yield Problem(f"{path}.values", error.message)


def _twice(document: dict[str, Any]) -> Iterator[Problem]:
    for name in ("groups", "directions", "snapshots"):
        seen: set[str] = set()
        for nth, each in enumerate(document.get(name, [])):
            if each["name"] in seen:
                said = f"Another has the name {short(each['name'])} already."
                yield Problem(f"{name}[{nth}].name", said)
            seen.add(each["name"])


def canonical(value: Any) -> str:
    """A value as text that is equal where values are, in whatever order their fields are."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True)
