"""The maps of a layer's heads: W_Q, W_K, W_V and W_O as the model applies them, found by calling.

A head reads q = x̂ W_Q + b_Q, and so k and v, off what its norm makes of the stream: x̂ is the
stream, less its mean where the norm takes that away, over what the norm divides by. The norm's
gain belongs to the maps and its bias to the biases, as when they are folded into the weights
(Elhage et al. 2021, "Handling Layer Normalization"). Probed are unit vectors; that the maps are
linear is checked on others. So they hold for any way to store weights: Conv1D, LoRA, int8; heads
that share a k/v head have the same W_K and W_V. Rotary positions turn q and k by where they stand:
W_Q is that of a query `distance` positions after its key.

In: a hooked model and a layer. Out: `HeadMaps`, with the reason where there is no linear map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.attention_probe import read_attention, read_scores
from mechwidget.analysis.vocabulary_ends import undivided
from mechwidget.errors import MechwidgetError, UnsupportedModelError
from mechwidget.models import Site
from mechwidget.models.hooks import submodule
from mechwidget.models.norms import probed
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

    from mechwidget.models import HookedModel
    from mechwidget.models.norms import Norm

_ROUNDING = {torch.float16: 0.05, torch.bfloat16: 0.05}  # as a share of the length
_COUPLED = 0.1  # dynamic int8 rounds what goes in by the largest of its numbers
_LOUD = 1e4  # a product of q and k that no soft cap leaves alone
NOT_LINEAR = "what a head moves is not a linear map of the normed stream"
NO_QUERIES = "its attention shows no queries and keys (it is not on transformers' interface)"
NORMED = "queries and keys are normed, so that they are no linear map of the stream"


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """x̂ ↦ x̂ W + b of every head.

    Attributes:
        weight: float32 `[head, d, d_head]`.
        bias: float32 `[head, d_head]`.
    """

    weight: torch.Tensor
    bias: torch.Tensor

    def of(self, normed: torch.Tensor) -> torch.Tensor:
        """`[stream, head, d_head]` of `[stream, d]`."""
        return torch.einsum("nd,hde->nhe", normed, self.weight) + self.bias


@dataclass(frozen=True, slots=True, eq=False)
class StreamNorm:
    """How the heads of a layer take the stream: as it is, or through a norm."""

    _module: nn.Module | None = None
    _norm: Norm | None = None
    _dtype: torch.dtype = torch.float32

    @property
    def centres(self) -> bool:
        """Whether the mean is taken away."""
        return self._norm is not None and self._norm.centres

    def of(self, streams: torch.Tensor) -> torch.Tensor:
        """x̂ of `[n, d]`."""
        if self._module is None or self._norm is None:
            return streams
        there = self._norm.gain.device
        x = streams.to(there, self._dtype)[None]
        with torch.no_grad():
            divisor = self._norm.divisor(x, self._module.forward(x))[0]
        x = x[0].float()
        return (x - x.mean(-1, keepdim=True) if self.centres else x) / divisor


@dataclass(frozen=True, slots=True, eq=False)
class HeadMaps:
    """The maps of the heads of one layer.

    Attributes:
        layer: which.
        norm: what makes x̂ of the stream.
        q: what queries are; None where that is no linear map, which `qk_reason` explains.
        k: the same of keys.
        v: the same of values; None where that is no linear map, which `v_reason` explains.
        o: float32 `[head, d_head, d]`, from z to the stream, a norm after it divided by 1.
        scale: float32 `[head]`, what q · k is multiplied by to be a score; None without q and k.
        cap: what caps the scores; 0 for nothing. Circuits are before it.
        rotates: whether q and k depend on where they stand.
        shown: whether q and k can be read at all, linear or not.
    """

    layer: int
    norm: StreamNorm
    q: Affine | None
    k: Affine | None
    v: Affine | None
    o: torch.Tensor
    scale: torch.Tensor | None
    cap: float
    rotates: bool
    shown: bool
    qk_reason: str = ""
    v_reason: str = ""


def head_maps(
    model: HookedModel,
    layer: int,
    *,
    distance: int = 0,
    cancelled: Callable[[], bool] | None = None,
) -> HeadMaps:
    """W_Q, W_K, W_V and W_O of the heads of a layer.

    Args:
        model: whose.
        layer: which.
        distance: how many positions the query stands after the key, with rotary positions.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        UnsupportedModelError: no path leads from the stream through its heads and back.
        MechwidgetError: its weights are not finite numbers.
    """
    reason = why_no_circuit(model, layer)
    if reason:
        raise UnsupportedModelError(f"Layer {layer} of {model.name} has no circuits: {reason}.")
    twin, streams = make_twin(model.model), _probes(model.d_model)
    read = read_attention(model, [layer], streams, distance=distance, cancelled=cancelled)[layer]
    if not all(t is None or bool(t.isfinite().all()) for t in (read.q, read.k, read.v)):
        raise MechwidgetError(
            f"What layer {layer} of {model.name} makes of a stream is not made of finite numbers.",
            "Some of its weights are NaN or infinite.",
        )
    norm, v = _value_map(model, twin, layer, streams, read.v)
    o = output_map(model, twin, layer).to(read.v.device)
    v_reason = NOT_LINEAR if v is None else ""
    if read.q is None or read.k is None:
        return HeadMaps(
            layer, norm, None, None, v, o, None, 0.0, False, False, NO_QUERIES, v_reason
        )
    q, k = (_affine(model, norm, streams, seen) for seen in (read.q, read.k))
    if q is None or k is None:
        q = k = None
    scale, cap = _scale(model, layer, cancelled)
    rotates = _rotates(model, layer, streams[1:3], cancelled)
    reason = NORMED if q is None else ""
    return HeadMaps(
        layer, norm, q, k, v, o, scale.to(o.device), cap, rotates, True, reason, v_reason
    )


def value_maps(
    model: HookedModel,
    layers: Sequence[int],
    *,
    cancelled: Callable[[], bool] | None = None,
) -> dict[int, Affine | None]:
    """W_V of several layers in one go, by layer; None where values are no linear map."""
    twin, streams = make_twin(model.model), _probes(model.d_model)
    read = read_attention(model, layers, streams, values_only=True, cancelled=cancelled)
    return {layer: _value_map(model, twin, layer, streams, read[layer].v)[1] for layer in layers}


def why_no_circuit(model: HookedModel, layer: int) -> str:
    """Why a layer has no path from the stream through its heads and back; empty where it has."""
    if not model.n_heads(layer):
        return "no attention heads that can be told apart"
    block = model.ledger.blocks[layer]
    if Site("pattern", layer) not in model.sites:
        return "no attention pattern that can be set"
    if not block.additive:
        return "what the head writes is normed together with the stream"
    write = block.write("attention")
    return "no output projection was found" if write is None or write.projection is None else ""


def output_map(model: HookedModel, twin: nn.Module, layer: int) -> torch.Tensor:
    """`[head, d_head, d]`: from a head's z to the stream; a norm after it divides by 1."""
    write = model.ledger.blocks[layer].write("attention")
    if write is None or write.projection is None:
        raise UnsupportedModelError(f"Layer {layer} has no output projection.")
    projection = submodule(twin, write.projection.module)
    some = torch.randn(model.d_model, generator=torch.Generator().manual_seed(0))
    some = some.to(device=model.device, dtype=model.dtype)
    norm = undivided(twin, write.at if write.post_norm else None, some)
    unit = torch.eye(write.width, device=model.device, dtype=model.dtype)
    # Dynamic int8 rounds by the largest number of a call: one unit vector is then exact.
    parts = torch.split(unit, 1 if model.ledger.coupled else 1024)
    with torch.no_grad():
        nothing = projection(torch.zeros_like(unit[None, :1]))[0]
        written = torch.cat([projection(part[None])[0] - nothing for part in parts])
    mapped = norm.forward(written.float().to(norm.gain.device)) * write.factor
    return mapped.reshape(model.n_heads(layer), -1, model.d_model)


def _probes(d: int) -> torch.Tensor:
    """Nothing, three streams to check on, and unit vectors: `[4 + d, d]`."""
    tries = torch.randn(3, d, generator=torch.Generator().manual_seed(0))
    return torch.cat([torch.zeros(1, d), tries * torch.tensor([[0.3], [1.0], [4.0]]), torch.eye(d)])


def _value_map(
    model: HookedModel, twin: nn.Module, layer: int, streams: torch.Tensor, seen: torch.Tensor
) -> tuple[StreamNorm, Affine | None]:
    """The norm that makes the values a linear map, and that map."""
    for norm in _norms(model, twin, layer):
        v = _affine(model, norm, streams, seen)
        if v is not None:
            return norm, v
    return StreamNorm(), None


def _norms(model: HookedModel, twin: nn.Module, layer: int) -> Iterator[StreamNorm]:
    """What may stand between the stream and the heads: one of the block's norms, or nothing."""
    like = torch.zeros(1, 1, model.d_model, device=model.device, dtype=model.dtype)
    for place in model.ledger.blocks[layer].norms:
        module = submodule(twin, place.module)
        norm = probed(module, like)
        if norm is not None:
            yield StreamNorm(module, norm, model.dtype)
    yield StreamNorm()


def _affine(
    model: HookedModel, norm: StreamNorm, streams: torch.Tensor, seen: torch.Tensor
) -> Affine | None:
    """The map that gives `seen[stream, head, d_head]` of `_probes`; None: there is none."""
    normed = norm.of(streams).to(seen.device)
    ones = normed[4:]
    # x̂ of a unit vector is that vector (less its mean) over one number, the same for all.
    size = ones.diagonal() / (1 - 1 / len(ones) if norm.centres else 1)
    rows = (seen[4:] - seen[0]) / torch.where(size == 0, 1.0, size)[:, None, None]
    made = Affine(rows.transpose(0, 1).contiguous(), seen[0])
    room = _COUPLED if model.ledger.coupled else _ROUNDING.get(model.dtype, 1e-3)
    apart = (made.of(normed[1:4]) - seen[1:4]).flatten(1).norm(dim=1)
    length = (seen[1:4] - seen[0]).flatten(1).norm(dim=1)
    return made if bool((apart <= room * length + 1e-6).all()) else None


def _scale(
    model: HookedModel, layer: int, cancelled: Callable[[], bool] | None
) -> tuple[torch.Tensor, float]:
    """What q · k is multiplied by, per head, and the cap of the scores; 0 for none."""
    nothing, little, loud = read_scores(model, layer, [0.0, 1.0, _LOUD], cancelled=cancelled)
    scale = little - nothing
    reached = float((loud - nothing).abs().max())
    return scale, reached if reached < 0.5 * _LOUD * float(scale.abs().max()) else 0.0


def _rotates(
    model: HookedModel, layer: int, streams: torch.Tensor, cancelled: Callable[[], bool] | None
) -> bool:
    """Whether a query is another one at another distance from its key."""
    if model.max_positions is not None and model.max_positions < 2:
        return False
    here, there = (
        read_attention(model, [layer], streams, distance=distance, cancelled=cancelled)[layer].q
        for distance in (0, 1)
    )
    if here is None or there is None:
        return False
    return float((here - there).norm()) > _ROUNDING.get(model.dtype, 1e-3) * float(here.norm())
