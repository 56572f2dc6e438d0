"""Recipes as documents: read, checked, compared, drawn.

In flow texts and JSON from outside; out flow problems, changes, HTML. What a recipe is, is known
to `mechwidget.recipes`; here its answers become those of a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget import recipes
from mechwidget.errors import MechwidgetError
from mechwidget.server.refusal import Refusal

if TYPE_CHECKING:
    from mechwidget.server.recipe_store import Stored

Json = dict[str, Any]

_MOST_PROBLEMS = 200
_MOST_CHANGES = 2000


def document_of(stored: Stored) -> Json:
    """The document in a stored text.

    Raises:
        Refusal: the text is not that of a recipe; the sentence says where.
    """
    try:
        return recipes.loads(stored.text or "")
    except MechwidgetError as error:
        message = f"{stored.path}: {error.message}"
        raise Refusal(422, "not_a_recipe", message, error.hint) from None


def text_of(document: Json) -> str:
    """The document as it is stored.

    Raises:
        Refusal: it is not a valid recipe; `problems` says what is wrong and where.
    """
    judged = judge(document)
    if not judged["valid"]:
        count = sum(each["severity"] == "error" for each in judged["problems"])
        raise Refusal(
            422,
            "invalid",
            f"This is not a valid recipe: {count} problem{'s' * (count != 1)}.",
            "Each problem says where it is.",
            problems=judged["problems"],
        )
    try:
        return recipes.dumps(document)
    except MechwidgetError as error:
        raise Refusal(422, "invalid", error.message, error.hint) from None


def judge(document: Json) -> Json:
    """Whether a document is a valid recipe, and what is wrong with it.

    A document of an older version is judged as what it is migrated to.
    """
    version = document.get("version")
    try:
        problems = recipes.validate(recipes.migrate(document))
    except MechwidgetError as error:
        found = [{"path": "", "message": str(error), "severity": "error"}]
    else:
        found = [
            {"path": each.path, "message": each.message, "severity": each.severity}
            for each in problems[:_MOST_PROBLEMS]
        ]
    return {
        "valid": all(each["severity"] != "error" for each in found),
        "version": version if isinstance(version, int) and not isinstance(version, bool) else None,
        "problems": found,
    }


def compare(old: Json, new: Json) -> Json:
    """What is different in `new`, each with its path, before and after.

    Raises:
        Refusal: one of them is no recipe.
    """
    try:
        changes = recipes.difference(recipes.migrate(old), recipes.migrate(new))
    except MechwidgetError as error:
        raise Refusal(422, "not_a_recipe", error.message, error.hint) from None
    return {
        "same": not changes,
        "changes": [change.to_json() for change in changes[:_MOST_CHANGES]],
        "complete": len(changes) <= _MOST_CHANGES,
    }


def draw(document: Json) -> str:
    """The last result of a recipe as a page without scripts.

    Raises:
        Refusal: it is no recipe.
    """
    judged = judge(document)
    if not judged["valid"]:
        message = f"This is not a valid recipe: {judged['problems'][0]['message']}"
        raise Refusal(422, "invalid", message, "Validate it for the whole list.")
    try:
        return recipes.to_html(recipes.migrate(document))
    except MechwidgetError as error:
        raise Refusal(422, "invalid", error.message, error.hint) from None
