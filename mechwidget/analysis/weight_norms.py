"""How long the maps of a model are: Frobenius norms of what heads read and move and MLPs write.

‖W_Q W_Kᵀ‖ and ‖W_V W_O‖ of each head with its norms folded in (see `head_maps`), and ‖W_out‖ of
each MLP with all of its neurons. A long map is no important one, for what it reads may be short;
it says where weights have grown.

In: a hooked model. Out: `WeightNorms`, growing layer by layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from mechwidget.analysis.composition import length_of, reads_of
from mechwidget.analysis.head_maps import head_maps, why_no_circuit
from mechwidget.analysis.vocabulary_ends import undivided
from mechwidget.models.hooks import submodule
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    from torch import nn

    from mechwidget.models import HookedModel

_UNITS = 1024  # neurons that are projected at once


@dataclass(frozen=True, slots=True, eq=False)
class WeightNorms:
    """Frobenius norms, in units of the residual stream.

    Attributes:
        qk: float32 `[layer, head]`, ‖W_Q W_Kᵀ‖; nan where there is no such map.
        ov: float32 `[layer, head]`, ‖W_V W_O‖.
        mlp: float32 `[layer]`, ‖W_out‖; nan where there is no single down projection.
        reasons: by layer, why the norms of its heads are missing.
        done: how many of the layers are done.
    """

    qk: npt.NDArray[np.float32]
    ov: npt.NDArray[np.float32]
    mlp: npt.NDArray[np.float32]
    reasons: dict[int, str]
    done: int


def weight_norms(model: HookedModel, *, cancelled: Callable[[], bool] | None = None) -> WeightNorms:
    """The norms of every head and MLP of a model.

    Raises:
        CancelledError: `cancelled()` became true.
    """
    *_, last = weight_norms_so_far(model, cancelled=cancelled)
    return last


def weight_norms_so_far(
    model: HookedModel, *, cancelled: Callable[[], bool] | None = None
) -> Iterator[WeightNorms]:
    """The same after each layer, for views; the arrays are those of the last one, filled in."""
    twin = make_twin(model.model)
    qk, ov = np.full((2, model.n_layers, model.most_heads), np.nan, np.float32)
    made = WeightNorms(qk, ov, np.full(model.n_layers, np.nan, np.float32), {}, 0)
    for layer in range(model.n_layers):
        made.mlp[layer] = _write_norm(model, twin, layer)
        reason = why_no_circuit(model, layer)
        if not reason:
            maps = head_maps(model, layer, cancelled=cancelled)
            reason = "; ".join(filter(None, (maps.qk_reason, maps.v_reason)))
            reads = reads_of(maps)
            for kind, read in reads.items():
                norms = made.ov if kind == "v" else made.qk  # W_Q W_Kᵀ is as long as its transpose
                norms[layer, : len(read)] = length_of(read).cpu().numpy()
        if reason:
            made.reasons[layer] = reason
        yield replace(made, done=layer + 1)


def _write_norm(model: HookedModel, twin: nn.Module, layer: int) -> float:
    """‖W_out‖ of a layer's MLP, a norm after it divided by 1."""
    write = model.ledger.blocks[layer].write("mlp")
    if write is None or write.projection is None or not write.width:
        return float("nan")
    down = submodule(twin, write.projection.module)
    like = torch.ones(model.d_model, device=model.device, dtype=model.dtype)
    norm = undivided(twin, write.at if write.post_norm else None, like)
    total, units = 0.0, torch.arange(write.width, device=model.device)
    with torch.no_grad():
        nothing = down(torch.zeros(1, 1, write.width, device=like.device, dtype=like.dtype))[0]
        for some in torch.split(units, 1 if model.ledger.coupled else _UNITS):
            unit = torch.zeros(1, len(some), write.width, device=like.device, dtype=like.dtype)
            unit[0, torch.arange(len(some)), some] = 1
            written = (down(unit)[0] - nothing).float().to(norm.gain.device)
            total += float((norm.forward(written) * write.factor).double().square().sum())
    return float(total**0.5)
