"""What lies between two recipes, as data and in sentences.

In: two documents of the newest version. Out: changes, each with a path into the newer one (of what
is gone, into the older). Who wrote a file and when is no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mechwidget.recipes.matching import matched
from mechwidget.recipes.problem import path_of, short
from mechwidget.recipes.schema import Node, field, items, known_fields, schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Document = dict[str, Any]
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        path: where, such as `interventions[1].enabled`.
        before: what was there, None for nothing; `after`: what is there now.
    """

    path: str
    before: Any
    after: Any

    @property
    def sentence(self) -> str:
        """The change in words."""
        return _sentence(self)

    def to_json(self) -> Document:
        """Plain JSON, sentence included."""
        return {
            "path": self.path,
            "before": self.before,
            "after": self.after,
            "sentence": self.sentence,
        }

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}"


def difference(old: Document, new: Document) -> list[Change]:
    """Every change that makes `new` of `old`, in the order of the file."""
    return list(_changes(old, new, schema(), ()))


_SILENT = {("written",), ("version",)}


def _changes(old: Any, new: Any, node: Node, at: Steps) -> Iterator[Change]:
    if at in _SILENT or old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict) and at[-1:] != ("does",):
        known = [name for name in known_fields(node) if name in old or name in new]
        names = dict.fromkeys([*known, *old, *new])
        for name in names:
            if name == "sentence" and "does" in old and "does" in new:
                continue  # says the same again
            yield from _changes(old.get(name), new.get(name), field(node, name), (*at, name))
    elif isinstance(old, list) and isinstance(new, list) and _are_entries(old, new):
        yield from _entries(old, new, items(node), at)
    else:
        yield Change(path_of(at), old, new)


def _are_entries(old: Sequence[Any], new: Sequence[Any]) -> bool:
    return all(isinstance(each, dict) for each in (*old, *new))


def _entries(old: Sequence[Any], new: Sequence[Any], node: Node, at: Steps) -> Iterator[Change]:
    pairs = matched(old, new)
    kept, stay = {i for i, _ in pairs}, {j for _, j in pairs}
    for i, entry in enumerate(old):
        if i not in kept:
            yield Change(path_of((*at, i)), entry, None)
    for i, j in pairs:
        yield from _changes(old[i], new[j], node, (*at, j))
    for j, entry in enumerate(new):
        if j not in stay:
            yield Change(path_of((*at, j)), None, entry)
    if [i for i, _ in pairs] != sorted(kept):
        before = [_called(old[i]) for i in sorted(kept)]
        yield Change(path_of(at), before, [_called(old[i]) for i, _ in pairs])


# -- in words

_WORDS = {
    "model": "The model",
    "prompts": "The prompts",
    "interventions": "The intervention",
    "groups": "The group",
    "metric": "The metric",
    "directions": "The direction",
    "views": "The view",
    "snapshots": "The snapshot",
    "result": "The result",
    "selection": "What was looked at",
    "reference": "The reference prompt",
    "top": "The likely token",
    "text": "text",
    "ids": "token ids",
    "config_hash": "config",
    "weights_hash": "weights",
    "tokenizer_hash": "tokenizer",
    "kl": "KL from the baseline",
    "values": "numbers",
    "does": "what it does",
}
_PLURALS = {"interventions", "groups", "directions", "views", "snapshots", "reference", "top"}
_HASHES = ("config_hash", "weights_hash", "tokenizer_hash")


def _sentence(change: Change) -> str:
    before, after = change.before, change.after
    steps = change.path.replace("[", ".[").split(".")
    last = steps[-1]
    if last.startswith("["):
        what = _WORDS.get(steps[-2], steps[-2])
        came = before is None
        return (
            f"{what} {short(_called(after if came else before))} {'came' if came else 'is gone'}."
        )
    if last in _PLURALS:
        return f"The {_plural(last)} are in another order."
    if last == "enabled":
        return f"It is switched {'on' if after in (True, None) else 'off'} ({_place(steps)})."
    if last in _HASHES:
        return f"The {_WORDS[last]} of the model differ{'' if last == 'weights_hash' else 's'}."
    what = _said_of(steps)
    if before is None or after is None:
        value = _shown(after if before is None else before)
        what = f"{what[0].lower()}{what[1:]}"
        return f"{'New' if before is None else 'Gone'}: {what}, {value}."
    if isinstance(before, bool) or not isinstance(before, int | float):
        return f"{what} was {_shown(before)}, and is {_shown(after)}."
    return f"{what} went from {before:.6g} to {_shown(after)}."


def _said_of(steps: Sequence[str]) -> str:
    """“The metric of the result”, “text of prompt a”."""
    named = [step for step in steps if not step.startswith("[")]
    last = named[-1]
    if named[:1] == ["prompts"] and len(named) > 2:
        return f"The {_WORDS.get(last, last)} of prompt {' '.join(named[1:-1]).upper()}"
    if len(named) == 1:
        return _WORDS.get(last, f"“{last}”")
    return f"The {_WORDS.get(last, last).replace('_', ' ').lower()} ({_place(steps)})"


def _place(steps: Sequence[str]) -> str:
    """“intervention 2”, “snapshot 1, result”; counted from 1, as people do."""
    words: list[str] = []
    for step in steps[:-1]:
        if step.startswith("[") and words:
            words[-1] = f"{_singular(words[-1])} {int(step[1:-1]) + 1}"
        else:
            words.append(step.replace("_", " "))
    return ", ".join(words)


def _singular(word: str) -> str:
    if word == "top":
        return "likely token"
    return word.removesuffix("s") if word in _PLURALS else word


def _plural(word: str) -> str:
    return {"reference": "reference prompts", "top": "likely tokens"}.get(word, word)


def _called(entry: Any) -> str:
    """What an entry of a list is called in a sentence."""
    if not isinstance(entry, dict):
        return str(entry)
    for name in ("name", "sentence", "text", "view"):
        if isinstance(entry.get(name), str) and entry[name]:
            return str(entry[name])
    does = entry.get("does")
    if isinstance(does, dict):
        return str(does.get("type"))
    return f"{len(entry['ids'])} token ids" if isinstance(entry.get("ids"), list) else "one"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | int):
        return f"{value:.6g}"
    if isinstance(value, dict):
        kind = value.get("type", value.get("text"))
        return short(kind) if isinstance(kind, str) else f"an object of {len(value)} fields"
    return f"a list of {len(value)}" if isinstance(value, list) and len(value) > 6 else short(value)
