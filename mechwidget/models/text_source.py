"""A `Source` made of two or three functions, for a module whose prompts are token ids.

In: how to encode and decode, and how to call the module. Out: a `Source`; nothing of the module is
held, each call is given a twin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.errors import PromptError
from mechwidget.models.calling import logits_of
from mechwidget.models.facts import input_device
from mechwidget.models.prompts import ids_of
from mechwidget.models.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from torch import nn

_EXAMPLE = 7  # a prime, so that no other axis has the same length


class TextSource:
    """Prompts are text, or ids where there is no `encode`.

    A character-level model whose forward wants a mask, and returns its scores in a dict:

        alphabet = "abcdefghijklmnopqrstuvwxyz ."
        source = mw.TextSource(
            encode=lambda text: [alphabet.index(c) for c in text],
            decode=lambda ids: "".join(alphabet[i] for i in ids),
            call=lambda module, ids: module(ids, causal_mask(ids.shape[1]))["scores"],
            max_positions=32,
        )
        model = mw.wrap(toy, source=source)
        model.run("hello", [mw.Ablate(mw.Head(0, 1))])
    """

    def __init__(
        self,
        encode: Callable[[str], Sequence[int]] | None = None,
        decode: Callable[[list[int]], str] | None = None,
        call: Callable[[nn.Module, torch.Tensor], Any] | None = None,
        *,
        max_positions: int | None = None,
        example: Any = tuple(range(_EXAMPLE)),
    ) -> None:
        """Say how the module is used.

        Args:
            encode: from text to token ids.
            decode: from token ids to text; without it, a token is shown as its id.
            call: given the module and ids `[batch, pos]`, calls it and returns logits
                `[batch, pos, vocab]`, or an output that holds them; None calls `module(ids)`. It
                is given copies that share the module's weights: it must call its argument.
            max_positions: the most tokens that the module takes.
            example: the prompt to trace it with, of any content; a prime number of tokens is best.
        """
        self.max_positions = max_positions
        self._encode, self._decode, self._call = encode, decode, call
        self._example = example

    def example(self) -> Tokens:
        """A prompt to trace the model with."""
        return self.tokens(self._example)

    def tokens(self, prompt: Any) -> Tokens:
        """The tokens of text, of ids, or of a tensor of ids."""
        if isinstance(prompt, Tokens):
            return prompt
        ids = self._ids(prompt) if isinstance(prompt, str) else ids_of(prompt)
        return Tokens(ids, tuple(self._text(token) for token in ids), (False,) * len(ids))

    def call(self, twin: nn.Module, tokens: Tokens, rows: int) -> torch.Tensor:
        """Logits of one forward pass."""
        ids = tokens.tensor(input_device(twin)).repeat(rows, 1)
        return logits_of(twin(ids) if self._call is None else self._call(twin, ids))

    def _ids(self, text: str) -> tuple[int, ...]:
        if self._encode is None:
            raise PromptError(
                "The prompt is text, and this model's source has no encode.",
                "Give token ids, or mw.TextSource(encode=…).",
            )
        try:
            return ids_of(list(self._encode(text)))
        except (LookupError, ValueError) as error:
            raise PromptError(
                f"The prompt {text!r} could not be encoded: {type(error).__name__}: {error}"
            ) from error

    def _text(self, token: int) -> str:
        if self._decode is None:
            return f"[{token}]"
        try:
            return str(self._decode([token]))
        except (LookupError, ValueError, TypeError):  # an id that the vocabulary does not have
            return f"[{token}]"
