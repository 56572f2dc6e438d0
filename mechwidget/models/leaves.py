"""What kind of leaf a traced module call is: linear map, norm, or nothing at all.

By what it has and does where that can tell; by class name only for norms, which share shapes
with activations. In: a call. Out: yes or no.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from mechwidget.models.trace import Call


def is_linear(module: nn.Module) -> bool:
    """A linear map, also quantised, wrapped by LoRA, or a `Conv1D` of GPT-2."""
    if isinstance(module, nn.Embedding) or is_norm(module):
        return False
    if hasattr(module, "in_features") and hasattr(module, "out_features"):
        return True
    weight = module._parameters.get("weight")
    return not module._modules and weight is not None and weight.dim() == 2


def is_norm(module: nn.Module) -> bool:
    """A layer norm of any kind."""
    if isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
        return True
    name = type(module).__name__.lower()
    return ("norm" in name or name.endswith("ln")) and not module._modules


def is_nothing(call: Call) -> bool:
    """A call that hands on what it was given: dropout in eval mode, an identity."""
    return call.x is not None and call.x is call.y
