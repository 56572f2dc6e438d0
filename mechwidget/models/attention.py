"""One attention function for every model on transformers' `AttentionInterface`.

The same arithmetic, in the same order, as the `eager_attention_forward` of those models, with
a tap at q, k, v, scores and pattern. It is registered once under our own name, which no model
of the user's ever selects: only a twin's own copy of its config is switched to it.

In: a twin to switch, and the arguments transformers passes. Out: what `eager` would give,
having shown every tensor to the tap.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface, eager_mask

NAME = "mechwidget"
TAP = "_mechwidget_tap"  # instance attribute of a twin's attention module
Tap = Callable[[str, torch.Tensor], torch.Tensor]


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    position_bias: torch.Tensor | None = None,
    s_aux: torch.Tensor | None = None,
    sinks: torch.Tensor | None = None,
    **others: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention over `[batch, head, pos, d]`, as `eager` computes it."""
    tap: Tap = module.__dict__.get(TAP, _pass)
    query, key, value = tap("q", query), tap("k", key), tap("v", value)
    key, value = _repeated(key, query.shape[1]), _repeated(value, query.shape[1])
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query, key.transpose(2, 3)) * scale
    if position_bias is not None:
        scores = scores + position_bias
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    causal = others.get("is_causal")
    scores = tap("scores", _masked(scores, attention_mask, module, causal=causal))
    pattern = tap("pattern", _softmax(scores, sinks if sinks is not None else s_aux, value.dtype))
    dropped = functional.dropout(pattern, dropout, module.training) if dropout else pattern
    return torch.matmul(dropped, value).transpose(1, 2).contiguous(), pattern


def switch_attention(twin: nn.Module) -> bool:
    """Make `twin` use `attend` wherever it is on the interface; False when it is nowhere."""
    _register()
    copies: dict[int, Any] = {}
    for module in twin.modules():
        if isinstance(module, PreTrainedModel) and module._can_set_attn_implementation():  # noqa: SLF001
            _switched(module.config, copies)
    for module in twin.modules() if copies else ():
        state = module.__dict__
        for name, value in state.items():
            if id(value) in copies:
                state[name] = copies[id(value)]
    return bool(copies)


def _switched(config: Any, copies: dict[int, Any]) -> Any:
    """A copy of `config` and of its sub-configs, set to our attention."""
    if id(config) in copies:
        return copies[id(config)]
    switched = copies[id(config)] = copy.copy(config)
    switched.__dict__["_attn_implementation_internal"] = NAME
    for name in getattr(config, "sub_configs", {}):
        part = switched.__dict__.get(name)
        if part is not None:
            switched.__dict__[name] = _switched(part, copies)
    return switched


@cache
def _register() -> None:
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, eager_mask)


def _pass(_name: str, tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def _repeated(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    """Key or value heads repeated so that each query head has its own."""
    groups = heads // tensor.shape[1]
    return tensor if groups == 1 else tensor.repeat_interleave(groups, 1)


def _masked(
    scores: torch.Tensor, mask: torch.Tensor | None, module: nn.Module, *, causal: bool | None
) -> torch.Tensor:
    lowest = torch.finfo(scores.dtype).min
    if mask is not None:
        mask = mask[..., : scores.shape[-1]]
        return scores.masked_fill(~mask, lowest) if mask.dtype == torch.bool else scores + mask
    causal = getattr(module, "is_causal", True) if causal is None else causal
    if not causal or scores.shape[-2] == 1:
        return scores
    allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    return scores.masked_fill(~allowed, lowest)


def _softmax(scores: torch.Tensor, sink: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor:
    """Rows that sum to 1, or to less where a sink takes its share."""
    if sink is None:
        return functional.softmax(scores, -1, dtype=torch.float32).to(dtype)
    column = (sink.view(1, -1, 1, 1) if sink.dim() == 1 else sink).to(scores.dtype)
    both = torch.cat([scores, column.expand(*scores.shape[:-1], 1)], -1)
    return functional.softmax(both, -1, dtype=torch.float32)[..., :-1].to(dtype)
