"""The first stream taken apart: what the token's embedding puts there, and what is added to it.

Where a model scales its token embeddings and adds something (learned positions, token types), the
stream before the first block is `c · token + rest`. That it is, is checked on numbers: by looking
where the stream is the embedding but for a factor, else by running with the embedding of one
position at zero and doubled. A norm in between (BERT, BLOOM) makes it no sum: there are no parts.

In: a hooked model, a prompt, a position. Out: `EmbeddingParts`, or None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.ending import rounding
from mechwidget.errors import CancelledError
from mechwidget.models import Site
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.models import HookedModel
    from mechwidget.models.prompts import Prompt
    from mechwidget.models.tokens import Tokens

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

    def stream(share: float) -> dict[Site, torch.Tensor]:
        return _first_stream(model, tokens, ScaledEmbedding(at, share, (EMBED, first)), cancelled)

    whole = stream(1.0)
    embedding, here = whole[EMBED], whole[first]
    if embedding.shape != here.shape:
        return None
    room = rounding(model.dtype) * (1e-6 + float(here.abs().max()))
    factor = float(here @ embedding) / max(float(embedding @ embedding), 1e-30)
    if float((here - factor * embedding).abs().max()) <= room:
        return EmbeddingParts(here, torch.zeros_like(here))
    without, doubled = stream(0.0)[first], stream(2.0)[first]
    token = here - without
    return EmbeddingParts(token, without) if _is_twice(doubled - without, token, room) else None


def _first_stream(
    model: HookedModel,
    tokens: Tokens,
    scaled: ScaledEmbedding,
    cancelled: Callable[[], bool] | None,
) -> dict[Site, torch.Tensor]:
    """What a run shows before its first block; it is stopped before the second."""

    def enough() -> bool:
        return len(scaled.shown) == len(scaled.sites) or (cancelled is not None and cancelled())

    try:
        model.run(tokens, [scaled], positions=[scaled.position], cancelled=enough)
    except CancelledError:
        if len(scaled.shown) < len(scaled.sites):
            raise
    return scaled.shown


def _is_twice(one: torch.Tensor, other: torch.Tensor, room: float) -> bool:
    return float((one - 2 * other).abs().max()) <= 2 * room


@dataclass(frozen=True, slots=True, eq=False)
class ScaledEmbedding:
    """The token embedding at one position, times a factor; and what some sites hold there then.

    Attributes:
        position: where.
        factor: what the embedding is multiplied by.
        sites: what is looked at.
        shown: `[d]` by site, once it was there.
    """

    position: int
    factor: float
    sites: tuple[Site, ...]
    shown: dict[Site, torch.Tensor] = field(default_factory=dict)

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:  # noqa: ARG002 - the protocol
        """One edit of the embedding, and a look at each site."""
        looks = [Edit(site, partial(self._see, site), looks=True) for site in self.sites]
        return [Edit(EMBED, self._apply), *looks]

    def _apply(self, carried: torch.Tensor) -> torch.Tensor:
        out = carried.clone()
        out[:, self.position] *= self.factor
        return out

    def _see(self, site: Site, carried: torch.Tensor) -> torch.Tensor:
        self.shown[site] = carried[0, self.position].detach().float().clone()
        return carried
