"""The tokens whose embeddings point the same way as one token's: cosine similarity, block by block.

Embeddings are what the model's embedding module returns, whatever the model does to them after it.

In: a hooked model and a token. Out: `NearestTokens`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mechwidget.analysis.vocabulary_ends import tokens_in
from mechwidget.errors import CancelledError, MechwidgetError
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mechwidget.models import HookedModel


@dataclass(frozen=True, slots=True, eq=False)
class NearestTokens:
    """The neighbours of a token, the nearest first; it is not among them.

    Attributes:
        ids: int64 `[k]`.
        cosines: float32 `[k]`, from -1 to 1.
        length: the length of the token's own embedding.
    """

    ids: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float32]
    length: float


def nearest_tokens(
    model: HookedModel,
    token: int,
    k: int = 10,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> NearestTokens:
    """The tokens whose embeddings are most alike.

    Args:
        model: whose.
        token: an id.
        k: how many.
        cancelled: asked before every block of the vocabulary; True raises `CancelledError`.

    Raises:
        UnsupportedModelError: the model has no embedding of the width of its stream.
        MechwidgetError: no such token, or it has no direction (a length of 0, or NaN).
    """
    source = tokens_in(model, make_twin(model.model))
    if type(token) is not int or not 0 <= token < source.n_tokens:
        raise MechwidgetError(
            f"There is no token {token!r}: the model has 0 to {source.n_tokens - 1}."
        )
    own = source.of(torch.tensor([token]))[0]
    length = float(own.norm())
    if not 0 < length < float("inf"):
        raise MechwidgetError(
            f"The embedding of token {token} has no direction: its length is {length:g}."
        )
    found = []
    for ids in source.blocks():
        if cancelled is not None and cancelled():
            raise CancelledError("The search for neighbours was cancelled.")
        others = source.of(ids)
        lengths = others.norm(dim=1)
        found.append(torch.nan_to_num(others @ own / (lengths * length), nan=-2.0, posinf=-2.0))
    cosines = torch.cat(found)
    cosines[token] = -2.0
    top, index = cosines.topk(min(k, len(cosines) - 1))
    real = top > -2.0
    return NearestTokens(
        index[real].cpu().numpy().astype(np.int64),
        top[real].cpu().numpy().astype(np.float32),
        length,
    )
