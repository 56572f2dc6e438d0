"""How a model is called and what its prompts are: the one thing the ledger cannot find out.

`mw.wrap` reads both off the signature of a Hugging Face forward (see `forward_source`). For any
other module, write a class with these four members; everything else (blocks, heads, sites,
replay) is found by tracing the calls that it makes.

In: prompts, and twins to call. Out: `Tokens`, and the output that is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import nn

    from mechwidget.models.tokens import Tokens


@runtime_checkable
class Source(Protocol):
    """The prompts of one model, and the call of its forward.

    Example::

        class Characters:
            max_positions = 32
            alphabet = "abcdefghijklmnopqrstuvwxyz .,"

            def example(self):
                return self.tokens("example")

            def tokens(self, prompt):
                if isinstance(prompt, mw.Tokens):
                    return prompt
                known = self.alphabet.index
                ids = tuple(map(known, prompt) if isinstance(prompt, str) else map(int, prompt))
                return mw.Tokens(ids, tuple(self.alphabet[i] for i in ids), (False,) * len(ids))

            def call(self, twin, tokens, rows):
                ids = tokens.tensor().repeat(rows, 1)
                return twin(ids, causal(ids.shape[1]))["scores"]

        model = mw.wrap(toy, source=Characters())
        run = model.run("hello")

    `mechwidget.TextSource` writes such a class from its `encode`, `decode` and `call`.
    """

    @property
    def max_positions(self) -> int | None:
        """The most tokens that the model takes; None when it does not say."""
        ...

    def example(self) -> Tokens:
        """A prompt to trace the model with, of any content.

        Its number of tokens should be a prime such as 7, so that no other axis (heads, experts)
        has the same length; a second sequence (`Tokens.encoder`) another one, such as 11.
        """
        ...

    def tokens(self, prompt: Any) -> Tokens:
        """The tokens of what a person gave as a prompt; `PromptError` when it is not one.

        `Tokens` themselves must be taken too. A signal may come without texts: it gets one per
        position of the stack that reads it. That ids exist and that there are not too many is
        checked by whoever calls.
        """
        ...

    def call(self, twin: nn.Module, tokens: Tokens, rows: int) -> torch.Tensor:
        """One forward of `twin`, which is shaped like the model, over `rows` copies of a prompt.

        Returns logits `[rows, pos, vocab]`, or `[rows, label]` from a model that gives one answer
        per prompt. Gradients and the thread's modes are the caller's business; keys and values
        must not be cached (`use_cache=False`).
        """
        ...
