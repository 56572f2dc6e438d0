"""A recipe as a page: its last result, from the document alone.

In: a document. Out: HTML with no script and nothing to fetch, every text escaped; what is not in
the document is not on the page, and what is not understood is said.
"""

from __future__ import annotations

from typing import Any

from mechwidget import still
from mechwidget.recipes.migration import migrate
from mechwidget.recipes.problem import RecipeError
from mechwidget.recipes.reading import serious
from mechwidget.recipes.validation import validate
from mechwidget.still.words import TIMES

Document = dict[str, Any]

_FOOT = "A recipe's last result. mw.Session.load(path) computes it anew."
_NOT_UNDERSTOOD = "not understood here, and not done"


def to_html(document: Document, *, fragment: bool = False) -> str:
    """The last result of a recipe as a page, or as a fragment of one.

    Raises:
        RecipeError: it is no valid recipe; the message has the first problem.
    """
    document = migrate(document)
    found = validate(document)
    if wrong := serious(found):
        raise RecipeError(f"The recipe cannot be shown: {wrong[0]}")
    strange = {problem.path.removesuffix(".type") for problem in found}
    model = document["model"]
    card = still.card(model["name"], _size(model), _parts(document, strange), _FOOT)
    return card if fragment else still.page(f"{model['name']} · mechwidget recipe", card)


def _parts(document: Document, strange: set[str]) -> list[str]:
    prompts, result = document["prompts"], document.get("result")
    shares = {each["name"]: each.get("strength", 1.0) for each in document.get("groups", [])}
    listed = [
        _entry(each, shares, strange=f"interventions[{nth}].does" in strange)
        for nth, each in enumerate(document["interventions"])
    ]
    parts = [still.prompt(_tokens(prompts["a"]))]
    if prompts.get("b") is not None:
        parts.append(still.prompt(_tokens(prompts["b"]), "Prompt B"))
    parts.append(still.interventions(listed))
    if result is None:
        parts.append("<p>The numbers were not known when it was saved.</p>")
    else:
        parts.append(_outcome(result, any(each["enabled"] for each in listed)))
    effects = None if result is None else result.get("effects")
    heads = document["model"].get("heads", [])
    parts.append(still.head_map(heads, _ablated(document["interventions"]), effects))
    parts.append(still.snapshots([_snapshot(each) for each in document.get("snapshots", [])]))
    return parts


def _outcome(result: Document, edited: bool) -> str:
    here = result.get("predicts") == "here"
    predicted = f"token at {result.get('position')}" if here else "next token"
    return still.outcome({"top": [], **result}, predicted, edited)


def _size(model: Document) -> str:
    heads = max(model.get("heads") or [0])
    parts = [f"{model['n_layers']} layers {TIMES} {heads} heads"] if "n_layers" in model else []
    parts += [model["dtype"]] if model.get("dtype") else []
    return ", ".join(parts)


def _tokens(prompt: Document) -> list[Document]:
    """The tokens where they are known, else the text as one, else ids."""
    if prompt.get("encoder") is not None:
        return _tokens(prompt["encoder"])
    if prompt.get("tokens"):
        return [{"text": text} for text in prompt["tokens"]]
    if prompt.get("text"):
        return [{"text": prompt["text"]}]
    return [{"text": f"[{token}]"} for token in prompt.get("ids", [])]


def _entry(entry: Document, shares: dict[str, float], *, strange: bool = False) -> Document:
    """An intervention as it is shown: what the file says of it, or that nobody here knows."""
    kind = entry.get("does", {}).get("type", "an intervention")
    share = shares.get(entry.get("group", ""), 1.0)
    part = "" if share == 1 else f"group “{entry['group']}” at {share:g}"
    note = _NOT_UNDERSTOOD if strange else entry.get("left_out", part)
    return {
        "sentence": entry.get("sentence") or kind,
        "name": entry.get("name"),
        "enabled": entry.get("enabled", True),
        "note": note,
    }


def _ablated(entries: list[Document]) -> set[tuple[int, int]]:
    off = set()
    for entry in entries:
        does = entry.get("does", {})
        component = does.get("component")
        of_head = isinstance(component, dict) and component.get("type") == "head"
        if of_head and does["type"] == "ablate" and entry.get("enabled", True):
            off.add((component.get("layer"), component.get("head")))
    return off


def _snapshot(snapshot: Document) -> Document:
    figures = snapshot.get("figures") or {}
    metric = figures.get("metric")
    on = [each for each in snapshot["interventions"] if each.get("enabled", True)]
    return {
        "name": snapshot["name"],
        "said": "; ".join(_entry(each, {})["sentence"] for each in on),
        "metric": None if metric is None else metric["after"],
        "kl": figures.get("kl"),
    }
