"""Composition scores: how much of what one head writes another head reads, from weights alone.

‖W_OV W_Q W_Kᵀ‖ / (‖W_OV‖ ‖W_Q W_Kᵀ‖) for queries, the same with W_K W_Qᵀ for keys, and
‖W_OV W_OV'‖ / (‖W_OV‖ ‖W_OV'‖) for values, Frobenius norms, of each head and each of a later layer
(Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"). Norms are folded: their
gains belong to the maps, and where they take the mean away what is written is centred too, so that
scores are TransformerLens's after `enable_compatibility_mode()`. Two maps that have nothing to do
with one another score about 1/√d. Rotary positions are those of a query at its own key.

Maps stay factored: of a head of width d_head two matrices `[d_head, d]` are kept, never `[d, d]`.

In: a hooked model. Out: `Composition`, growing layer by layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from mechwidget.analysis.head_maps import HeadMaps, head_maps, why_no_circuit
from mechwidget.errors import CancelledError, UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mechwidget.analysis.head_maps import Affine
    from mechwidget.models import HookedModel

Kind = Literal["q", "k", "v"]
KINDS: tuple[Kind, ...] = ("q", "k", "v")


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """Composition scores between the heads of a model.

    Attributes:
        heads: (layer, head) of each row and column, the layers that have heads in their order.
        q: float32 `[writer, reader]`; nan where the reader is of no later layer, has no such map,
            or its layer is not done yet.
        k: the same of keys.
        v: the same of values.
        chance: about what maps that have nothing to do with one another score, 1/√d.
        reasons: by layer, why some of its scores are missing.
        done: how many of the layers are done; total: how many there are.
    """

    heads: tuple[tuple[int, int], ...]
    q: npt.NDArray[np.float32]
    k: npt.NDArray[np.float32]
    v: npt.NDArray[np.float32]
    chance: float
    reasons: dict[int, str]
    done: int
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class _Written:
    """What the heads of a layer write, `[head, d_head, d]`, as long as W_OV is."""

    first: int  # the row of the first of them
    maps: torch.Tensor


def composition_scores(
    model: HookedModel, *, cancelled: Callable[[], bool] | None = None
) -> Composition:
    """The scores of every pair of heads.

    Raises:
        UnsupportedModelError: the model has several stacks, or no layer has circuits.
        CancelledError: `cancelled()` became true.
    """
    made = CompositionSoFar(model)
    while not made.finished:
        made.step(cancelled=cancelled)
    return made.found


class CompositionSoFar:
    """Composition scores that are computed layer by layer; what is done outlives a cancelled step.

    Attributes:
        found: what is known; its arrays are filled in by later steps.

    Raises:
        UnsupportedModelError: as for `composition_scores`.
    """

    def __init__(self, model: HookedModel) -> None:
        if len(model.stacks) > 1:
            raise UnsupportedModelError(
                f"{model.name} has several stacks, and heads of one do not read what those of "
                "another write: composition is a matter of one stream."
            )
        reasons = {layer: why_no_circuit(model, layer) for layer in range(model.n_layers)}
        self._layers = [layer for layer, reason in reasons.items() if not reason]
        if not self._layers:
            why = next(iter(reasons.values()), "it has no layers")
            raise UnsupportedModelError(f"No head of {model.name} has a circuit: {why}.")
        self._model = model
        self._written: list[_Written] = []
        self._start = 0
        heads = tuple(
            (layer, head) for layer in self._layers for head in range(model.n_heads(layer))
        )
        without = {layer: reason for layer, reason in reasons.items() if reason}
        q, k, v = (np.full((len(heads),) * 2, np.nan, np.float32) for _ in KINDS)
        chance = float(model.d_model**-0.5)
        self.found = Composition(heads, q, k, v, chance, without, 0, len(self._layers))

    @property
    def finished(self) -> bool:
        """Whether every layer is done."""
        return self.found.done == self.found.total

    def step(self, *, cancelled: Callable[[], bool] | None = None) -> Composition:
        """One layer more: what its heads read of those before it."""
        layer = self._layers[self.found.done]
        maps = head_maps(self._model, layer, cancelled=cancelled)
        own = slice(self._start, self._start + self._model.n_heads(layer))
        for kind, read in reads_of(maps).items():
            scores: npt.NDArray[np.float32] = getattr(self.found, kind)
            for before in self._written:
                if cancelled is not None and cancelled():
                    raise CancelledError("The composition scores were cancelled.")
                rows = slice(before.first, before.first + len(before.maps))
                scores[rows, own] = _scores(before.maps.to(read.device), read).cpu().numpy()
        if maps.v is not None:
            self._written.append(_Written(self._start, _writes(maps, maps.v)))
        reason = "; ".join(filter(None, (maps.qk_reason, maps.v_reason)))
        reasons = {**self.found.reasons, **({layer: reason} if reason else {})}
        self._start = own.stop
        self.found = replace(self.found, reasons=reasons, done=self.found.done + 1)
        if self.finished:
            self._written.clear()  # nobody reads it any more, and it is as large as the weights
        return self.found


def reads_of(maps: HeadMaps) -> dict[Kind, torch.Tensor]:
    """What each head reads, `[head, d, d_head]`: as long as W_Q W_Kᵀ, its transpose, W_V W_O."""
    reads: dict[Kind, torch.Tensor] = {}
    if maps.q is not None and maps.k is not None:
        reads["q"] = maps.q.weight @ _root(maps.k.weight)
        reads["k"] = maps.k.weight @ _root(maps.q.weight)
    if maps.v is not None:
        reads["v"] = maps.v.weight @ _root(_centred(maps).transpose(1, 2))
    return reads


def length_of(maps: torch.Tensor) -> torch.Tensor:
    """The Frobenius norm of each of `[head, d, e]`."""
    lengths: torch.Tensor = maps.flatten(1).norm(dim=1)
    return lengths


def _scores(written: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
    """`[writer, reader]` of `[writer, d_head, d]` and `[reader, d, d_head]`."""
    through = torch.stack(
        [torch.einsum("wed,df->wef", written, each).flatten(1).norm(dim=1) for each in read], 1
    )
    return through / (length_of(written)[:, None] * length_of(read)[None])


def _writes(maps: HeadMaps, v: Affine) -> torch.Tensor:
    """What each head writes, as long as W_V W_O and of its rows: `[head, d_head, d]`."""
    return _root(v.weight).transpose(1, 2) @ _centred(maps)


def _centred(maps: HeadMaps) -> torch.Tensor:
    """W_O, less the mean of what it writes where readers do not see that."""
    return maps.o - maps.o.mean(-1, keepdim=True) if maps.norm.centres else maps.o


def _root(tall: torch.Tensor) -> torch.Tensor:
    """R of `[head, d, e]`, such that ‖X Aᵀ‖ is ‖X R‖ for any X: `[head, e, e]`."""
    root: torch.Tensor = torch.linalg.qr(tall, mode="r").R.transpose(1, 2)
    return root
