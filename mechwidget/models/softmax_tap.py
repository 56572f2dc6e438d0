"""Scores and pattern of attention that is not on transformers' `AttentionInterface`.

While such a module's forward runs on a twin, a function mode of this thread looks at `softmax`
(its input is the scores, its output the pattern) and replaces `scaled_dot_product_attention`
by the same arithmetic written out. `nn.MultiheadAttention` hides both in one function, which is
called as it is, but with the mode on inside it.

In: a twin's attention module and a tap. Out: the module calls the tap when it runs.
"""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import ref

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from mechwidget.models.modes import finish_interrupted, modes, pop, push, put_back

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.models.attention import Tap

_SOFTMAX = {functional.softmax, torch.softmax, torch.Tensor.softmax, torch.special.softmax}


def tap_softmax(module: nn.Module, tap: Tap, fits: Callable[[int, int], bool]) -> None:
    """Make a twin's attention module show its scores and pattern to `tap`.

    `fits` says whether scores of so many queries and keys are this attention's and not something
    else's.
    """
    plain, replaced = type(module).forward, module.__dict__.get("forward")
    itself = ref(module)  # a module that held itself would wait for the cycle collector

    def tapped(*args: Any, **kwargs: Any) -> Any:
        outside, mode = modes(), _SoftmaxTap(tap, fits)
        try:
            push(mode)
            return replaced(*args, **kwargs) if replaced else plain(itself(), *args, **kwargs)
        except BaseException as error:
            finish_interrupted(error, (*outside, mode))
            raise
        finally:
            put_back(outside)

    module.__dict__["forward"] = tapped
    module.register_forward_pre_hook(_nothing)  # torch's encoder layers call no module otherwise


def _nothing(*_: Any) -> None:
    """A hook that is only there."""


@cache
def _multi_head() -> Callable[..., Any]:
    """Torch's multi-head attention, which does not ask the function mode to stand in for it."""
    whole: Any = functional.multi_head_attention_forward
    space = {**whole.__globals__, "has_torch_function": lambda _: False}
    made = FunctionType(whole.__code__, space, whole.__name__, whole.__defaults__)
    made.__kwdefaults__ = whole.__kwdefaults__
    return made


class _SoftmaxTap(TorchFunctionMode):
    def __init__(self, tap: Tap, fits: Callable[[int, int], bool]) -> None:
        super().__init__()
        self._tap, self._fits = tap, fits

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _SOFTMAX and self._is_over_keys(args[0] if args else kwargs.get("input")):
            scores, *rest = args or (kwargs.pop("input"),)
            return self._tap("pattern", func(self._tap("scores", scores), *rest, **kwargs))
        if func is functional.scaled_dot_product_attention:
            return self._attend(*args, **kwargs)
        if func is functional.multi_head_attention_forward:
            push(self)
            try:
                return _multi_head()(*args, **kwargs)
            finally:
                pop()
        return func(*args, **kwargs)

    def _attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> torch.Tensor:
        if enable_gqa:
            groups = query.shape[-3] // key.shape[-3]
            key, value = key.repeat_interleave(groups, -3), value.repeat_interleave(groups, -3)
        scores = query @ key.transpose(-2, -1)
        scores = scores * (query.shape[-1] ** -0.5 if scale is None else scale)
        if is_causal:
            allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
            scores = scores.masked_fill(~allowed, float("-inf"))
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, float("-inf"))
        elif attn_mask is not None:
            scores = scores + attn_mask
        pattern = self._tap("pattern", self._tap("scores", scores).softmax(-1))
        if dropout_p:
            pattern = functional.dropout(pattern, dropout_p)
        return pattern @ value

    def _is_over_keys(self, scores: Any) -> bool:
        """Scores are `[.., query, key]`."""
        if not isinstance(scores, torch.Tensor) or scores.dim() not in (3, 4):
            return False
        return self._fits(*scores.shape[-2:])
