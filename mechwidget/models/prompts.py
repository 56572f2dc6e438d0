"""From what a person gives as text to tokens that the model can run.

In: text, token ids or a tensor of ids. Out: `Tokens`, or a `PromptError` that says what was
expected: something, within the vocabulary, within the context, and ids where there is no
tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import TYPE_CHECKING, Any, TypeAlias

from mechwidget.errors import PromptError
from mechwidget.models.tokens import Tokens

if TYPE_CHECKING:
    from mechwidget.models.vocabulary import Vocabulary

# Text, token ids, a tensor or an array (of ids, pixels or sound), an image, `Inputs` or `Tokens`.
Prompt: TypeAlias = Any


def text_tokens(prompt: Any, vocabulary: Vocabulary) -> Tokens:
    """The tokens of text or of token ids."""
    if isinstance(prompt, Tokens):
        return prompt
    ids = _from_text(prompt, vocabulary) if isinstance(prompt, str) else ids_of(prompt)
    texts = tuple(vocabulary.text(token) for token in ids)
    special = tuple(vocabulary.is_special(token) for token in ids)
    stray = {
        position: raw
        for position, token in enumerate(ids)
        if (raw := vocabulary.stray(token)) is not None
    }
    return Tokens(ids, texts, special, stray=stray)


def check_tokens(tokens: Tokens, vocabulary: int, limit: int | None) -> None:
    """Raise `PromptError` unless there are some, not too many, and all are in the vocabulary."""
    ids = tokens.ids
    if not ids and tokens.signal is None:
        raise PromptError("The prompt is empty; expected at least one token.")
    if limit is not None and len(ids) > limit:
        raise PromptError(
            f"The prompt has {len(ids):,} tokens; this model's context is {limit:,}.",
            f"Shorten it by {len(ids) - limit:,} tokens or more.",
        )
    outside = next((token for token in ids if not 0 <= token < vocabulary), None)
    if outside is not None:
        raise PromptError(
            f"Token id {outside} is outside the model's vocabulary (0 to {vocabulary - 1}).",
            "Is this the tokenizer that belongs to the model?",
        )


def from_start(positions: Sequence[int], n: int) -> list[int]:
    """Positions counted from 0, negative ones resolved."""
    if not positions:
        raise PromptError("positions is empty; expected token positions, or None for all.")
    for position in positions:
        if not -n <= position < n:
            raise PromptError(f"Position {position} is outside the prompt's {n} tokens.")
    return [position % n for position in positions]


def ids_of(prompt: Any) -> tuple[int, ...]:
    """Token ids given as a sequence, a tensor or an array."""
    if hasattr(prompt, "tolist") and hasattr(prompt, "ndim"):  # a tensor or an array
        if prompt.ndim == 2 and prompt.shape[0] == 1:
            prompt = prompt[0]
        if prompt.ndim != 1:
            raise PromptError(
                f"The prompt has shape {tuple(prompt.shape)}; expected [pos] or [1, pos]."
            )
        prompt = prompt.tolist()
    if isinstance(prompt, (bytes, bytearray)) or not isinstance(prompt, Sequence):
        raise PromptError(
            f"The prompt is {type(prompt).__name__}; expected text or a sequence of token ids."
        )
    return tuple(_id(token) for token in prompt)


def _from_text(text: str, vocabulary: Vocabulary) -> tuple[int, ...]:
    if vocabulary.tokenizer is None:
        raise PromptError(
            "The prompt is text, and this model has no tokenizer.",
            "Give token ids, or wrap the model with its tokenizer: mw.wrap(model, tokenizer).",
        )
    if not text:
        raise PromptError("The prompt is empty; expected some text.")
    return tuple(vocabulary.tokenizer(text)["input_ids"])


def _id(token: Any) -> int:
    try:
        number = index(token)
    except TypeError:
        number = None
    if number is None or isinstance(token, bool):
        raise PromptError(f"{token!r} is not a token id; expected integers.")
    return number
