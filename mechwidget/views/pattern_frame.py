"""An attention pattern as the page gets it: the half that can be other than 0, or all of it.

In flows a pattern `[query, key]`, or what its edges move; out flows a frame of bytes. Where no
query looks ahead the lower triangle says everything; an encoder's pattern, or one that an edit made
look ahead, goes whole, and so does one whose keys are other tokens than its queries.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mechwidget.wire import Frame, encode

if TYPE_CHECKING:
    import torch

    from mechwidget.wire.frames import Layout


def pattern_frame(pattern: torch.Tensor, *, causal: bool = True) -> Frame:
    """The frame of a pattern `[…, query, key]`, its bytes from 0 to 1.

    The bytes reach further where the pattern does: an edit may set what no softmax gives. A
    pattern that is not finite goes as `f16`, which can say so.

    Args:
        pattern: `[query, key]`, or several of them.
        causal: whether no query of this stack is meant to look ahead.
    """
    layout = layout_of(pattern, causal=causal)
    low, high = (0.0, 1.0)
    if pattern.numel():
        low, high = min(low, float(pattern.min())), max(high, float(pattern.max()))
    known = math.isfinite(low) and math.isfinite(high)
    return encode(pattern, "u8", layout, value_range=(low, high) if known else None)


def amounts_frame(amounts: torch.Tensor, *, causal: bool = True) -> Frame:
    """The frame of amounts `[…, query, key]` of any size and sign; 0 stays exactly 0.

    Args:
        amounts: what edges move, or a difference.
        causal: whether no query of this stack is meant to look ahead.
    """
    layout = layout_of(amounts, causal=causal)
    low, high = (float(amounts.min()), float(amounts.max())) if amounts.numel() else (0.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high)):
        return encode(amounts, "u8", layout)
    if low >= 0:
        return encode(amounts, "u8", layout, value_range=(0.0, high))
    step = max(-low, high) / 127
    return encode(amounts, "u8", layout, value_range=(-127 * step, 128 * step))


def layout_of(pattern: torch.Tensor, *, causal: bool) -> Layout:
    """`tril` where the stack is causal and nothing lies right of the diagonal, else `dense`."""
    n_query, n_key = pattern.shape[-2:]
    ahead = not causal or n_query != n_key or bool((pattern.triu(1) != 0).any())
    return "dense" if ahead else "tril"
