"""The first stream at one position as a sum of two: its token, and all that is added to it.

In: a hooked model, a prompt, a position. Out: `TokenAndPosition`, or None where it is no such sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.embedding_parts import embedding_parts
from mechwidget.errors import UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.models import HookedModel
    from mechwidget.models.prompts import Prompt


@dataclass(frozen=True, slots=True, eq=False)
class TokenAndPosition:
    """The first stream at one position, as a sum.

    Attributes:
        token: `[d_model]`: the token's embedding, as the stream has it (scaled, where it is).
        position: `[d_model]`: all that is added to it, which does not depend on the token.
    """

    token: torch.Tensor
    position: torch.Tensor


def token_and_position(
    model: HookedModel,
    prompt: Prompt,
    position: int = -1,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> TokenAndPosition | None:
    """The two parts; None where a norm follows their sum (BERT, BLOOM) or they cannot be told."""
    try:
        parts = embedding_parts(model, prompt, cancelled=cancelled)
    except UnsupportedModelError:
        return None
    token = parts.part("token")
    if token is None or parts.steps or "other" in parts.kinds:
        return None
    vectors = torch.from_numpy(parts.vectors[:, position])
    return TokenAndPosition(vectors[token], vectors.sum(0) - vectors[token])
