"""The first stream taken apart: what the token's embedding puts there, and what is added to it.

Where a model scales its token embeddings and adds something (learned positions, token types), the
stream before the first block is `c · token + rest`. That it is, is checked on numbers: by looking
where the stream is the embedding but for a factor, else by running with the embedding of one
position at zero and doubled. A norm in between (BERT, BLOOM) makes it no sum: there are no parts.

In: a hooked model, a prompt, a position. Out: `EmbeddingParts`, or None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.ending import rounding
from mechwidget.models import Site
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.models import HookedModel
    from mechwidget.models.prompts import Prompt

EMBED = Site("embed")


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingParts:
    """The first stream at one position, as a sum.

    Attributes:
        token: `[d_model]`: the token's embedding, as the stream has it (scaled, where it is).
        position: `[d_model]`: all that is added to it, which does not depend on the token.
    """

    token: torch.Tensor
    position: torch.Tensor


def embedding_parts(
    model: HookedModel,
    prompt: Prompt,
    position: int = -1,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> EmbeddingParts | None:
    """The two parts of the first stream at a position; None where it is not their sum."""
    tokens = model.tokenize(prompt)
    first = Site("resid_pre", answering_layers(model)[0])
    if EMBED not in model.sites or first not in model.sites:
        return None
    at = range(len(tokens))[position]
    run = model.run(tokens, (), [EMBED, first], [at], cancelled=cancelled)
    if run.read[EMBED].shape != run.read[first].shape:
        return None
    embedding, stream = (run.read[site][0, at].float() for site in (EMBED, first))
    room = rounding(run.logits.dtype) * (1e-6 + float(stream.abs().max()))
    factor = float(stream @ embedding) / max(float(embedding @ embedding), 1e-30)
    if float((stream - factor * embedding).abs().max()) <= room:
        return EmbeddingParts(stream, torch.zeros_like(stream))
    scaled = [[ScaledEmbedding(at, share)] for share in (0.0, 2.0)]
    rows = model.run_rows(tokens, scaled, [first], [at], cancelled=cancelled)
    without, doubled = (row.read[first][0, at].float() for row in rows)
    token = stream - without
    return EmbeddingParts(token, without) if _is_twice(doubled - without, token, room) else None


def _is_twice(one: torch.Tensor, other: torch.Tensor, room: float) -> bool:
    return float((one - 2 * other).abs().max()) <= 2 * room


@dataclass(frozen=True, slots=True)
class ScaledEmbedding:
    """The token embedding at one position, times a factor."""

    position: int
    factor: float

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:  # noqa: ARG002 - the protocol
        """One edit of the embedding."""
        return [Edit(EMBED, self._apply)]

    def _apply(self, carried: torch.Tensor) -> torch.Tensor:
        out = carried.clone()
        out[:, self.position] *= self.factor
        return out
