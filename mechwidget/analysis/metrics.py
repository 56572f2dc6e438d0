"""Metrics: one number read off the logits at one position.

A metric is plain data (tokens as text or ids, a position) that goes to JSON and back. Binding it
to a model and a prompt length checks the tokens and the position and yields a `BoundMetric`, a
callable from `logits[vocab]` to a float, with the label and the unit that views print.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, runtime_checkable

from mechwidget.errors import TokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

TokenLike = str | int


class Vocabulary(Protocol):
    """The part of a hooked model that a metric needs."""

    def token_id(self, text: str | int) -> int:
        """The id of text that is exactly one token; raises `TokenError`."""

    def token_text(self, token_id: int) -> str:
        """The text of a token, leading space included."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a page asks for when somebody chooses a metric.

    Attributes:
        name: the field of the metric's JSON.
        title: what stands beside the input.
        kind: a token of the vocabulary, as text or id; or a number.
        default: a number to begin with; a token has none.
    """

    name: str
    title: str
    kind: Literal["token", "number"] = "token"
    default: float | None = None


@dataclass(frozen=True)
class BoundMetric:
    """A metric whose tokens and position are known to exist.

    Attributes:
        label: what is measured, tokens with their leading space as "·".
        unit: "logits" or "probability".
        position: index of the token whose logits are read, counted from the start.
        tokens: ids of the tokens that it reads.
        read: from `logits[vocab]` at that position to the number, as a tensor that knows how it
            came about, so that `HookedModel.gradients` can go back from it.
    """

    label: str
    unit: str
    position: int
    tokens: tuple[int, ...]
    read: Callable[[torch.Tensor], torch.Tensor]

    def __call__(self, logits: torch.Tensor) -> float:
        """Read it off `logits[vocab]` at `position`."""
        return float(self.read(logits))


@runtime_checkable
class Metric(Protocol):
    """What a session accepts as its metric: data that can be bound to a model and a prompt."""

    def bind(self, model: Vocabulary, n_positions: int) -> BoundMetric:
        """Check it against a model and a prompt length; raises `TokenError`."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""


@dataclass(frozen=True)
class LogitDiff:
    """The logit of `a` minus the logit of `b`, in logits: how much rather `a` than `b`.

    Args:
        a: the answer, as text (exactly one token, leading space included) or as a token id.
        b: the alternative.
        position: where it is read; negative counts from the end of the prompt.
    """

    kind: ClassVar[str] = "logit_diff"
    title: ClassVar[str] = "logit difference"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("a", "answer"),
        Parameter("b", "distractor"),
    )
    a: TokenLike
    b: TokenLike
    position: int = -1

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` described; raises `TokenError` for the field that is wrong."""
        _only(data, "a", "b")
        return cls(_token(data, "a"), _token(data, "b"), _position(data))

    def bind(self, model: Vocabulary, n_positions: int) -> BoundMetric:
        """Check tokens and position against a model and a prompt of `n_positions` tokens."""
        a, b = model.token_id(self.a), model.token_id(self.b)
        if a == b:
            raise TokenError(
                f"A logit difference needs two tokens, but both are {_shown(model, a)} (id {a}).",
                "Name two different tokens, or use Probability for one.",
            )
        position = _resolve(self.position, n_positions)
        label = f"logit difference {_shown(model, a)} \N{MINUS SIGN} {_shown(model, b)}"
        return BoundMetric(
            label=label + _place(self.position),
            unit="logits",
            position=position,
            tokens=(a, b),
            read=lambda logits: _double(logits[a]) - _double(logits[b]),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data that `metric_from_json` reads back."""
        return {"type": self.kind, "a": self.a, "b": self.b, "position": self.position}


@dataclass(frozen=True)
class _OfOneToken(ABC):
    """What is read of one token; `_words`, `_unit` and `_read` say what that is."""

    kind: ClassVar[str]
    title: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]] = (Parameter("token", "answer"),)
    _unit: ClassVar[str]
    _words: ClassVar[str]
    token: TokenLike
    position: int = -1

    @staticmethod
    @abstractmethod
    def _read(logits: torch.Tensor, token: int) -> torch.Tensor:
        """The number, from `logits[vocab]`."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` described; raises `TokenError` for the field that is wrong."""
        _only(data, "token")
        return cls(_token(data, "token"), _position(data))

    def bind(self, model: Vocabulary, n_positions: int) -> BoundMetric:
        """Check token and position against a model and a prompt of `n_positions` tokens."""
        token = model.token_id(self.token)
        return BoundMetric(
            label=f"{self._words} {_shown(model, token)}" + _place(self.position),
            unit=self._unit,
            position=_resolve(self.position, n_positions),
            tokens=(token,),
            read=lambda logits: self._read(logits, token),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data that `metric_from_json` reads back."""
        return {"type": self.kind, "token": self.token, "position": self.position}


@dataclass(frozen=True)
class Logit(_OfOneToken):
    """The logit of one token, in logits: what attributions are for where there is no alternative.

    A logit has no zero of its own: what raises all of them alike counts here, and changes nothing
    that the model says.

    Args:
        token: as text (exactly one token, leading space included) or as a token id.
        position: where it is read; negative counts from the end of the prompt.
    """

    kind: ClassVar[str] = "logit"
    title: ClassVar[str] = "logit"
    _unit: ClassVar[str] = "logits"
    _words: ClassVar[str] = "logit of"

    @staticmethod
    def _read(logits: torch.Tensor, token: int) -> torch.Tensor:
        return _double(logits[token])


@dataclass(frozen=True)
class Probability(_OfOneToken):
    """The probability that the model gives to one token, between 0 and 1.

    Args:
        token: as text (exactly one token, leading space included) or as a token id.
        position: where it is read; negative counts from the end of the prompt.
    """

    kind: ClassVar[str] = "probability"
    title: ClassVar[str] = "probability"
    _unit: ClassVar[str] = "probability"
    _words: ClassVar[str] = "probability of"

    @staticmethod
    def _read(logits: torch.Tensor, token: int) -> torch.Tensor:
        return _double(logits).softmax(-1)[token]


EXAMPLE = 'For example {"type": "logit_diff", "a": " Mary", "b": " John"}.'


def _only(data: Mapping[str, Any], *fields: str) -> None:
    unknown = sorted(str(field) for field in data.keys() - {"type", "position", *fields})
    if unknown:
        raise TokenError(f"{data['type']} has no field {unknown[0][:40]!r}.", EXAMPLE)


def _token(data: Mapping[str, Any], field: str) -> TokenLike:
    value = data.get(field)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TokenError(
            f"The metric's {field!r} must be a token as text or id, not {value!r}.", EXAMPLE
        )
    # Half of a surrogate pair: JavaScript can send it, no tokenizer can read it.
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise TokenError(f"The metric's {field!r} has half a character: {value!a}.")
    return value


def _position(data: Mapping[str, Any]) -> int:
    value = data.get("position", -1)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TokenError(f"The metric's position must be a whole number, not {value!r}.")
    return value


def _resolve(position: int, n_positions: int) -> int:
    if not -n_positions <= position < n_positions:
        raise TokenError(
            f"The metric reads position {position}, but the prompt has {n_positions} tokens "
            f"(0 to {n_positions - 1}).",
            "Use position=-1 for the last token, or change the metric before the prompt.",
        )
    return position % n_positions


def _place(position: int) -> str:
    return "" if position == -1 else f" at {position}"


def _shown(model: Vocabulary, token: int) -> str:
    return model.token_text(token).replace(" ", "·")


def _double(logits: torch.Tensor) -> torch.Tensor:
    # Double on the CPU: 16-bit softmax over 250,000 tokens loses digits, and MPS has no doubles.
    return logits.cpu().double()
