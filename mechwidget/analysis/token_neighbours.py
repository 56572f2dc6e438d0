"""The tokens whose embeddings point the same way as one token's.

Embeddings are what the model's embedding module returns, whatever the model does to them after it.

In: a hooked model and a token. Out: `TokenNeighbours`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.nearest_tokens import nearest_tokens
from mechwidget.analysis.vocabulary_ends import tokens_in
from mechwidget.errors import MechwidgetError
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from mechwidget.models import HookedModel


@dataclass(frozen=True, slots=True, eq=False)
class TokenNeighbours:
    """The neighbours of a token, the nearest first; it is not among them.

    Attributes:
        ids: int64 `[k]`.
        cosines: float32 `[k]`, from -1 to 1.
        length: the length of the token's own embedding.
    """

    ids: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float32]
    length: float


def token_neighbours(
    model: HookedModel,
    token: int,
    k: int = 10,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> TokenNeighbours:
    """The k tokens whose embeddings are most alike.

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
    own = source.of(torch.tensor([token]))
    length = float(own.norm())
    if not 0 < length < float("inf"):
        raise MechwidgetError(
            f"The embedding of token {token} has no direction: its length is {length:g}."
        )
    found = nearest_tokens(model, own.cpu().numpy(), k=k + 1, cancelled=cancelled)
    others = (found.ids[0] != token) & (found.ids[0] >= 0)
    return TokenNeighbours(found.ids[0][others][:k], found.cosines[0][others][:k], length)
