"""The direction in the residual stream that speaks for a token: its row of the unembedding.

Taken as the derivative of one logit by what the unembedding reads, so that any linear map will do,
quantised or adapted. The gain of the final norm before it is not folded in: this is the matrix as
the model holds it.

In: a hooked model, a token, perhaps another one that is spoken against. Out: `[d_model]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.answering import require_answers
from mechwidget.analysis.ending import first, unembedding
from mechwidget.errors import UnsupportedModelError
from mechwidget.models.calling import with_gradients
from mechwidget.models.twin import make_twin, without_gradients

if TYPE_CHECKING:
    from mechwidget.models import HookedModel


def token_direction(
    model: HookedModel, token: str | int, minus: str | int | None = None
) -> torch.Tensor:
    """The unembedding of `token`, or that minus the unembedding of another one, `[d_model]`.

    Raises:
        TokenError: text that is not exactly one token.
        UnsupportedModelError: the model has no unembedding that reads its residual stream.
    """
    layers = require_answers(model, "unembedding of tokens")
    plus = model.token_id(token)
    against = None if minus is None else model.token_id(minus)
    width = model.stack_of(layers[-1]).d_model
    with model.lock:
        module = unembedding(model, without_gradients(make_twin(model.model)))

        def row() -> torch.Tensor:
            weight = next((p for p in module.parameters() if p.is_floating_point()), None)
            dtype = torch.float32 if weight is None else weight.dtype
            here = weight is not None and not weight.is_meta  # else a hook fetches it when called
            device = weight.device if weight is not None and here else model.device
            x = torch.zeros(1, 1, width, dtype=dtype, device=device, requires_grad=True)
            logits = first(module(x))[0, 0]
            said = logits[plus] if against is None else logits[plus] - logits[against]
            return torch.autograd.grad(said, x)[0].reshape(-1)

        try:
            return with_gradients(row).float().cpu()
        except RuntimeError as error:
            raise UnsupportedModelError(
                f"What {model.name} unembeds is not its residual stream of width {width}: {error}",
                "Give a direction of your own: session.directions[name] = tensor.",
            ) from error
