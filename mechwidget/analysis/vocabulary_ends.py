"""The two ends of a circuit from token to token: what a token writes, and what a stream says.

The first is the embedding alone, without positions and norms of the embedding. The second is the
linear part of the final norm and the unembedding; what the norm divides by is a prompt's business,
so the logits that come out are those of a stream that is divided by 1. Both are called, never read
from weights, and tied or untied they are two modules.

In: a hooked model and a twin. Out: `TokensIn` and `TokensOut`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.ending import after_unembedding, called, norm_at, unembedding
from mechwidget.analysis.frozen_norm import FrozenNorm
from mechwidget.errors import MechwidgetError, UnsupportedModelError
from mechwidget.models import Site
from mechwidget.models.hooks import submodule
from mechwidget.models.norms import probed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from mechwidget.models import HookedModel
    from mechwidget.models.ledger import Place

_BLOCK_BYTES = 2**25  # of embeddings that are held at once


@dataclass(frozen=True, slots=True, eq=False)
class TokensIn:
    """What each token writes to the stream.

    Attributes:
        n_tokens: how many there are.
        d_model: the width of the stream.
    """

    n_tokens: int
    d_model: int
    _embed: nn.Module
    _device: torch.device
    _name: str

    def of(self, ids: torch.Tensor) -> torch.Tensor:
        """The embeddings of some ids, float32 `[n, d]`."""
        with torch.no_grad():
            vectors: torch.Tensor = self._embed(ids[None].to(self._device))[0].float()
        if vectors.shape[-1] != self.d_model:
            raise UnsupportedModelError(
                f"{self._name} embeds tokens in {vectors.shape[-1]} numbers, and its stream has "
                f"{self.d_model}: what stands between them belongs to no circuit."
            )
        return vectors

    def blocks(self, among: torch.Tensor | None = None) -> Iterator[torch.Tensor]:
        """Consecutive ids, of all tokens or among some, as many as have room at once."""
        ids = torch.arange(self.n_tokens) if among is None else among
        return iter(torch.split(ids, max(1, _BLOCK_BYTES // (4 * self.d_model))))


@dataclass(frozen=True, slots=True, eq=False)
class TokensOut:
    """What a stream says of each token.

    Attributes:
        vocab_size: how many logits there are.
    """

    vocab_size: int
    _norm: FrozenNorm
    _unembed: nn.Module
    _factor: float
    _dtype: torch.dtype

    def of(self, streams: torch.Tensor) -> torch.Tensor:
        """What each of `[n, d]` adds to the logits at a final norm that divides by 1, `[n, vocab]`.

        Linear: biases of the norm and of the unembedding are not in it.
        """
        there = self._norm.gain.device
        with torch.no_grad():
            normed = self._norm.forward(streams.float().to(there)).to(self._dtype)
            nothing = self._unembed(torch.zeros_like(normed[None, :1]))[0].float()
            said: torch.Tensor = self._unembed(normed[None])[0].float() - nothing
        return said * self._factor


def tokens_in(model: HookedModel, twin: nn.Module) -> TokensIn:
    """The embedding of a model.

    Raises:
        UnsupportedModelError: it has none that can be called.
    """
    place = model.ledger.embed
    if place is None or model.ledger.n_tokens == 0:
        raise UnsupportedModelError(f"{model.name} has no embedding that can be called.")
    embed = submodule(twin, place.module)
    known = int(getattr(embed, "num_embeddings", model.ledger.n_tokens))
    most = min(known, model.ledger.n_tokens)
    return TokensIn(most, model.d_model, embed, model.device, model.name)


def tokens_out(
    model: HookedModel, twin: nn.Module, cancelled: Callable[[], bool] | None = None
) -> TokensOut:
    """The final norm and the unembedding, once they have given the logits of a run.

    Raises:
        UnsupportedModelError: there is no unembedding, or more than these two before the logits.
        MechwidgetError: the model's logits are not numbers.
    """
    unembed = unembedding(model, twin)
    last = Site("resid_post", answering_layers(model)[-1])
    run = model.run([0], read=[last], cancelled=cancelled)
    x = run.read[last][0, 0]
    if not bool(x.isfinite().all()):
        raise MechwidgetError(
            "The stream that comes out of the last layer is not made of finite numbers.",
            "Some weights are NaN or infinite: load the model again, or undo the change.",
        )
    norm = norm_at(twin, model.ledger.final_norm, x)
    with torch.no_grad():
        raw = called(unembed, (norm.forward(x.float()) + norm.bias).to(x.dtype))
    factor, _ = after_unembedding(model, raw, run.logits[0, 0])
    plain = undivided(twin, model.ledger.final_norm, x)
    return TokensOut(model.vocab_size, plain, unembed, factor, model.dtype)


def undivided(twin: nn.Module, place: Place | None, x: torch.Tensor) -> FrozenNorm:
    """A norm that divides by 1: its gain, and whether it takes the mean away.

    Raises:
        UnsupportedModelError: it is neither a layer norm nor an RMS norm.
    """
    frozen = norm_at(twin, place, x)
    norm = None if place is None else probed(submodule(twin, place.module), x[None, None])
    return frozen if norm is None else FrozenNorm(norm.gain.float(), frozen.bias, frozen.centred)
