"""What a session knows of the recipe that it was loaded from, and what is different here.

In: the document, what could not be rebuilt, the model of now, and the numbers of now once they are
there. Out: differences as data, each with a sentence, and one sentence for a view. Numbers of
another machine are never the same to the last bit: how far apart they may be is a matter of the
dtype (`TOLERANCE`, of the larger of 1 and the number's own size).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mechwidget.models.identity import identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mechwidget.models import HookedModel, Tokens
    from mechwidget.session.computation import Computed
    from mechwidget.session.state import State

Json = dict[str, Any]

TOLERANCE = {"float64": 1e-6, "float32": 1e-3, "float16": 2e-2, "bfloat16": 6e-2}
_MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not here as it was when the recipe was saved.

    Attributes:
        path: of the document, such as `model.dtype`.
        saved: what the recipe has.
        found: what is here; None for nothing.
        message: a sentence.
        strange: whether it is something that nobody here understands.
    """

    path: str
    saved: Any
    found: Any
    message: str
    strange: bool = False

    def __str__(self) -> str:
        return self.message


@dataclass
class Loaded:
    """A recipe that a session was loaded from.

    Attributes:
        name: of the file.
        document: as it was read, migrated.
        state: what was rebuilt; its numbers are compared with those of the recipe.
        kept: entries that stay in the document as they are, by list and place.
        differences: what was different from the start.
        numbers: what is different in numbers; None until they are there.
    """

    name: str
    document: Json
    state: State
    kept: dict[str, dict[int, Json]]
    differences: tuple[Difference, ...]
    numbers: tuple[Difference, ...] | None = field(default=None)

    def note(self, state: State, computed: Computed) -> None:
        """Compare the numbers, once, where they are those of what was loaded."""
        if self.numbers is None and state == self.state:
            self.numbers = tuple(_in_numbers(self.document, state, computed))

    @property
    def all(self) -> tuple[Difference, ...]:
        """Every difference that is known by now."""
        return (*self.differences, *(self.numbers or ()))

    @property
    def sentence(self) -> str:
        """What a view says."""
        found = self.all
        if not found:
            if not self.document.get("result"):
                return f"Loaded from {self.name}."
            same = "" if self.numbers is None else ": the same model, tokens and numbers"
            return f"Loaded from {self.name}{same}."
        said = " ".join(each.message for each in found[:_MOST_SAID])
        more = f" And {len(found) - _MOST_SAID} more." if len(found) > _MOST_SAID else ""
        plural = "difference" if len(found) == 1 else "differences"
        return f"Loaded from {self.name}, with {len(found)} {plural}. {said}{more}"


# -- the model and the tokens


_OF_THE_MODEL = {
    "class": "The model is a {found}, and was a {saved}.",
    "dtype": "The weights are {found} here, and were {saved}.",
    "revision": "The model is of revision {found}, and was of {saved}.",
    "config_hash": "The config of the model is another one.",
    "tokenizer_hash": "The tokenizer has other tokens.",
    "weights_hash": "The weights are other ones.",
}


def of_the_model(saved: Json, model: HookedModel) -> Iterator[Difference]:
    """What the model is not as it was."""
    here = identity(model)
    for name, words in _OF_THE_MODEL.items():
        was, found = saved.get(name), here[name]
        if was is None or found is None or was == found:
            continue
        if name == "weights_hash" and saved.get("dtype") != here["dtype"]:
            continue  # other numbers for that reason alone
        said = words.format(saved=_short(was), found=_short(found))
        yield Difference(f"model.{name}", was, found, said)


def of_the_tokens(prompts: Json, state: State) -> Iterator[Difference]:
    """Where a text is other tokens than it was."""
    for name, tokens in (("a", state.tokens), ("b", state.other)):
        saved, path, called = prompts.get(name), f"prompts.{name}", f"Prompt {name.upper()}"
        if saved is None or tokens is None:
            continue
        if saved.get("encoder") is None:
            yield from _tokens(saved, tokens.encoder or tokens, path, called)
            continue
        if tokens.encoder is not None:
            yield from _tokens(saved["encoder"], tokens.encoder, f"{path}.encoder", called)
        if saved.get("decoder") is not None:
            said = f"The decoder's part of prompt {name.upper()}"
            yield from _tokens(saved["decoder"], tokens, f"{path}.decoder", said)


def _tokens(saved: Json, tokens: Tokens, path: str, called: str) -> Iterator[Difference]:
    was, found = saved.get("ids"), list(tokens.ids)
    if was is None or saved.get("text") is None or was == found:
        return
    first = next((i for i, (a, b) in enumerate(zip(was, found, strict=False)) if a != b), None)
    place = min(len(was), len(found)) if first is None else first
    said = (
        f"{called} is {len(found)} tokens here, and was {len(was)}; "
        f"the first that differs is token {place}."
    )
    yield Difference(f"{path}.ids", was, found, said)


# -- the numbers


def _in_numbers(document: Json, state: State, computed: Computed) -> Iterator[Difference]:
    saved = document.get("result")
    if not saved:
        return
    room = max(
        TOLERANCE.get(dtype or "", TOLERANCE["float32"])
        for dtype in (
            document["model"].get("dtype"),
            str(computed.result.logits.dtype).removeprefix("torch."),
        )
    )
    measured = saved.get("metric")
    if measured is not None and computed.metric is not None and state.bound is not None:
        for side, found in zip(("before", "after"), computed.metric, strict=True):
            said = f"The {state.bound.label} {_SIDES[side]}"
            yield from _apart(f"result.metric.{side}", measured[side], found, room, said)
    here = {each.id: each for each in computed.outcome.top}
    for nth, each in enumerate(saved.get("top", [])):
        token = here.get(each.get("id", -1))
        if token is not None:
            for side in ("before", "after"):
                said = f"The probability of “{token.text}” {_SIDES[side]}"
                path = f"result.top[{nth}].{side}"
                yield from _apart(path, each[side], getattr(token, side), room, said)


_SIDES = {"before": "without the interventions", "after": "with them"}


def _apart(path: str, saved: float, found: float, room: float, what: str) -> Iterator[Difference]:
    if abs(saved - found) > room * max(1.0, abs(saved)):
        said = f"{what} is {found:.4g}, and was {saved:.4g}."
        yield Difference(path, saved, found, said)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"
