"""What kind of leaf a traced module call is: linear map, norm, or nothing at all.

By what it has and does where that can tell; by class name only for norms, which share shapes
with activations. In: a call. Out: yes or no.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from mechwidget.models.trace import Call


def is_linear(module: nn.Module) -> bool:
    """A linear map, also quantised, wrapped by LoRA, or a `Conv1D` of GPT-2."""
    if isinstance(module, nn.Embedding) or is_norm(module):
        return False
    if hasattr(module, "in_features") and hasattr(module, "out_features"):
        return True
    weight = getattr(module, "weight", None)
    return is_leaf(module) and isinstance(weight, torch.Tensor) and weight.dim() == 2


def has_map(module: nn.Module) -> bool:
    """A linear map inside, or a matrix of the module's own that some einsum may use."""
    return any(is_linear(part) or _holds_matrix(part) for part in module.modules())


def _holds_matrix(module: nn.Module) -> bool:
    if type(module).__module__.startswith("torch."):
        return False
    return any(parameter.dim() >= 2 for parameter in module.parameters(recurse=False))


def is_norm(module: nn.Module) -> bool:
    """A layer norm of any kind."""
    if isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
        return True
    name = type(module).__name__.lower()
    return ("norm" in name or name.endswith("ln")) and _holds_norms_only(module)


def _holds_norms_only(module: nn.Module) -> bool:
    """Whether no number inside belongs to anything but a norm: some norm on behalf of another."""
    return all(
        is_norm(child) or next(child.parameters(), None) is None for child in module.children()
    )


def is_leaf(module: nn.Module) -> bool:
    """A module without modules in it."""
    return next(module.children(), None) is None


def is_nothing(call: Call) -> bool:
    """A call that hands on what it was given: dropout in eval mode, an identity."""
    return call.x is not None and call.x is call.y
