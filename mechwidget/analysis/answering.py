"""The layers that a model's answers come out of, position by position.

An encoder-decoder has layers whose positions are not those of its logits, and a classifier one
answer per prompt: what is read from a stream at a position through the unembedding makes sense in
the stack that answers, where each position has an answer of its own.

In: a hooked model. Out: its answering layers, or the reason why there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.errors import UnsupportedModelError

if TYPE_CHECKING:
    from mechwidget.models import HookedModel


def answering_layers(model: HookedModel) -> range:
    """The layers of the stack at whose positions the logits are."""
    main = [stack for stack in model.stacks if stack.main]
    return main[-1].layers if main else range(model.n_layers)


def require_answers(model: HookedModel, what: str) -> range:
    """The answering layers of a model whose positions each have logits of their own.

    Raises:
        UnsupportedModelError: it has one answer per prompt, or no head; `what` cannot be had.
    """
    if model.ledger.pooled:
        raise UnsupportedModelError(
            f"{model.name} gives one answer per prompt, not one per position: it has no {what}.",
            "Ablations and patches measure such a model.",
        )
    if model.ledger.answer == "hidden state":
        raise UnsupportedModelError(
            f"{model.name} has no head that makes logits: it has no {what}.",
            "Load it with its head, e.g. AutoModelForCausalLM or AutoModelForMaskedLM.",
        )
    return answering_layers(model)
