"""The tokens whose embeddings point most nearly where some vectors do.

The table is read by calling the embedding on ids, block by block: it may be quantised, offloaded or
scaled, and a table of 250,000 rows is never held at once in another precision.

In: a model and vectors as wide as its token embeddings. Out: `NearestTokens`, ids and cosines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mechwidget.errors import CancelledError, MechwidgetError, UnsupportedModelError
from mechwidget.models.facts import input_device
from mechwidget.models.hooks import submodule
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mechwidget.models import HookedModel

_BLOCK_BYTES = 2**25


@dataclass(frozen=True, slots=True, eq=False)
class NearestTokens:
    """The nearest tokens of some vectors, the nearest first.

    Attributes:
        ids: int64 `[vector, k]`; -1 where there is none: a vector of zeros or of no numbers.
        cosines: float32 `[vector, k]`; nan there.
    """

    ids: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float32]


@torch.no_grad()
def nearest_tokens(
    model: HookedModel,
    vectors: npt.ArrayLike,
    *,
    k: int = 8,
    cancelled: Callable[[], bool] | None = None,
) -> NearestTokens:
    """The k tokens with the largest cosine between their embedding and each of `vectors[n, d]`.

    Rows of the table that are zero or no numbers are nobody's neighbours.

    Raises:
        UnsupportedModelError: no module of the model looks tokens up, or its vectors have
            another width.
        CancelledError: `cancelled()` became true, asked before every block of the table.
    """
    if k < 1:
        raise MechwidgetError(f"k is {k}; expected 1 or more.")
    if model.ledger.embed is None:
        raise UnsupportedModelError(f"{model.name} has no module that turns tokens into vectors.")
    with model.lock:
        table = submodule(make_twin(model.model), model.ledger.embed.module)
        device, size = input_device(model.model), model.ledger.n_tokens or model.vocab_size
        wanted = torch.as_tensor(np.asarray(vectors, dtype=np.float32), device=device)
        block = max(1, _BLOCK_BYTES // (4 * max(wanted.shape[-1], len(wanted), 1)))
        best: torch.Tensor | None = None
        for start in range(0, size, block):
            if cancelled is not None and cancelled():
                raise CancelledError("The search for the nearest tokens was cancelled.")
            ids = torch.arange(start, min(start + block, size), device=device)
            found = _cosines(wanted, _rows(model, table, ids, wanted.shape[-1]), ids)
            best = found if best is None else torch.cat((best, found), -1)
            top = best[0].topk(min(k, best.shape[-1]), -1)
            best = torch.stack((top.values, best[1].gather(-1, top.indices)))
    return _told(best, len(wanted), k)


def _rows(
    model: HookedModel, table: torch.nn.Module, ids: torch.Tensor, width: int
) -> torch.Tensor:
    """Rows of the table, `[token, d]`."""
    rows: torch.Tensor = table(ids[None])[0].float()
    if rows.shape[-1] != width:
        raise UnsupportedModelError(
            f"The token embeddings of {model.name} have {rows.shape[-1]} numbers, and these "
            f"vectors {width}: they are not of one space."
        )
    return rows


def _cosines(wanted: torch.Tensor, rows: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """`[2, vector, token]`: cosines and, as doubles hold them exactly, ids."""
    lengths = wanted.norm(dim=-1, keepdim=True) * rows.norm(dim=-1)
    cosines = ((wanted @ rows.T) / lengths).double().nan_to_num(-torch.inf)
    cosines = cosines.masked_fill(lengths == 0, -torch.inf)
    return torch.stack((cosines, ids.double().expand_as(cosines)))


def _told(best: torch.Tensor | None, n: int, k: int) -> NearestTokens:
    ids = np.full((n, k), -1, dtype=np.int64)
    cosines = np.full((n, k), np.nan, dtype=np.float32)
    if best is not None and n:
        values, which = best.cpu().numpy()
        found = values.shape[-1]
        known = np.isfinite(values)
        ids[:, :found] = np.where(known, which, -1).astype(np.int64)
        cosines[:, :found] = np.where(known, values, np.nan)
    return NearestTokens(ids, cosines)
