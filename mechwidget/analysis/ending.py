"""The end of a model, taken apart: a norm held at one scale, an unembedding, and what comes after.

What the ledger names is called on what a run left at its last block, and has to give the run's own
logits but for a factor or a cap. A model that does something else is refused with the reason, so
that no number leaves out a step in silence.

In: a hooked model, a twin, and what one run held. Out: the parts, as callables and linear maps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.frozen_norm import FrozenNorm, freeze_norm
from mechwidget.errors import MechwidgetError, UnsupportedModelError
from mechwidget.models.hooks import submodule

if TYPE_CHECKING:
    from torch import nn

    from mechwidget.models import HookedModel
    from mechwidget.models.ledger import Place

HINT = "The logit lens and ablations do not need the stream to be a sum."
_ROUNDING = {torch.float16: 3e-2, torch.bfloat16: 3e-2}


def rounding(dtype: torch.dtype) -> float:
    """How far apart, as a share of the largest, two ways to compute the same may be."""
    return _ROUNDING.get(dtype, 1e-4)


def norm_at(twin: nn.Module, place: Place | None, x: torch.Tensor) -> FrozenNorm:
    """The norm of that place, held at the scale that it has for `x[d]`; none is the identity.

    Raises:
        UnsupportedModelError: it is neither a layer norm nor an RMS norm.
    """
    if place is None:
        d = x.shape[-1]
        return FrozenNorm(x.new_ones(d).float(), x.new_zeros(d).float(), centred=False)
    module = submodule(twin, place.module)
    frozen = freeze_norm(module, x)
    if frozen is None:
        raise UnsupportedModelError(
            f"The norm {place.module!r} is neither a layer norm nor an RMS norm, so it cannot be "
            "held at one scale.",
            HINT,
        )
    return frozen


def unembedding(model: HookedModel, twin: nn.Module) -> nn.Module:
    """The module that makes logits."""
    if model.ledger.unembed is None:
        raise UnsupportedModelError(f"{model.name} has no unembedding that can be called.", HINT)
    return submodule(twin, model.ledger.unembed.module)


def after_unembedding(
    model: HookedModel, raw: torch.Tensor, logits: torch.Tensor
) -> tuple[float, str]:
    """What the model does to what its unembedding gives: a factor, and a word where it is a cap.

    Args:
        model: whose.
        raw: `[vocab]`, from norm and unembedding.
        logits: `[vocab]`, the run's own.

    Raises:
        UnsupportedModelError: neither a factor nor a cap makes the one from the other.
    """
    room = rounding(logits.dtype)
    raw, logits = raw.double().cpu(), logits.double().cpu()
    seen = logits.isfinite() & raw.isfinite()
    raw, logits = raw[seen], logits[seen]
    if not len(logits):
        raise MechwidgetError("The logits of this run are not finite numbers.")
    factor = float((raw @ logits) / (raw @ raw))
    room *= 1e-6 + float(logits.abs().max())
    if float((factor * raw - logits).abs().max()) <= room:
        return (1.0 if abs(factor - 1) < 1e-3 else factor), ""
    rises = bool((logits[raw.argsort()].diff() >= -room).all())
    if rises and bool((logits.abs() <= raw.abs() + room).all()):
        return 1.0, "the model caps its logits: terms add up to the difference before the cap"
    raise UnsupportedModelError(
        f"Between stream and logits of {model.name} there is more than the norm and the "
        "unembedding that were found, such as the dense layer of a masked-language head.",
        HINT,
    )


def called(module: nn.Module, vector: torch.Tensor) -> torch.Tensor:
    """A module that works position by position, called on one vector."""
    return first(module(vector[None, None])).reshape(-1)


def first(result: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    """What a module returned, or the first of it."""
    return result[0] if isinstance(result, tuple) else result
