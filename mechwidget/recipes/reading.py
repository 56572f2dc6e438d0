"""From a text that nobody has checked to a recipe that can be relied on.

In: text or bytes. Out: a valid document of the newest version, with what is kept and not
understood; or a `RecipeError` with the first problems.
"""

from __future__ import annotations

import re
from typing import Any

from mechwidget.recipes.migration import migrate
from mechwidget.recipes.problem import Problem, RecipeError
from mechwidget.recipes.text import loads
from mechwidget.recipes.validation import validate

_MOST_SAID = 3
_ONE_INTERVENTION = re.compile(r"interventions\[\d+\]\.does$")


def read(text: str | bytes) -> tuple[dict[str, Any], list[Problem]]:
    """The document, migrated and valid, and notes about what of it is kept and not understood.

    One intervention that makes no sense is no reason to refuse the rest: it is among the notes.

    Raises:
        RecipeError: it is no recipe, or there are errors in it.
    """
    document = migrate(loads(text))
    found = validate(document)
    wrong = serious(found)
    if wrong:
        said = "; ".join(str(problem).rstrip(".") for problem in wrong[:_MOST_SAID])
        more = f" (and {len(wrong) - _MOST_SAID} more)" if len(wrong) > _MOST_SAID else ""
        raise RecipeError(
            f"The recipe has {len(wrong)} problem{'s' * (len(wrong) > 1)}: {said}{more}.",
            "mechwidget recipe validate FILE lists them all.",
        )
    return document, found


def serious(found: list[Problem]) -> list[Problem]:
    """The problems for which nothing can be done with a document."""
    return [
        problem
        for problem in found
        if problem.severity == "error" and not _ONE_INTERVENTION.search(problem.path)
    ]
