"""A norm held at the scale that it had in a run: then it is a linear map plus a constant.

`norm(x) = w ∘ P x / s(x) + b`, where P takes the mean away (LayerNorm) or does nothing (RMSNorm)
and s is the spread of what it is given. With s kept at s(x) of one x, contributions to x can be
told apart. w, b and P are found by calling the norm on vectors of ours, so that it does not matter
how it stores them (`1 + w` in Gemma), and what was found is checked on x itself.

In: a norm module of a twin and x. Out: `FrozenNorm`, or None where the module is no such norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

_ROUNDING = {torch.float16: 2e-2, torch.bfloat16: 2e-2}


@dataclass(frozen=True, slots=True, eq=False)
class FrozenNorm:
    """The linear map.

    Attributes:
        gain: `[d]`, float32: w / s(x).
        bias: `[d]`, float32: b.
        centred: whether the mean over the vector is taken away first.
    """

    gain: torch.Tensor
    bias: torch.Tensor
    centred: bool

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """The linear part of the norm, on `y[…, d]`."""
        return self.gain * _without_mean(y, centred=self.centred)

    def back(self, direction: torch.Tensor) -> torch.Tensor:
        """What `y` is multiplied by so that `direction · forward(y)` comes out: the transpose."""
        return _without_mean(self.gain * direction, centred=self.centred)


def freeze_norm(norm: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> FrozenNorm | None:
    """Hold `norm`, called on `[1, pos, d]`, at the scale that it has for `x[d]`."""
    d = x.shape[-1]
    # As many +1 as -1 where d is even, so that taking the mean away leaves no entry near 0.
    probe = torch.ones(d, dtype=torch.float32, device=x.device)
    probe[1::2] = -1
    shifted = probe + 0.5
    given = torch.stack([torch.zeros_like(probe), probe, shifted, x.float()])
    bias, of_probe, of_shifted, of_x = norm(given.to(x.dtype)[None])[0].float().to(x.device)
    centred = bool(_near(of_probe, of_shifted, x.dtype))
    gain = (of_probe - bias) / _without_mean(probe, centred=centred)
    unscaled = gain * _without_mean(x.float(), centred=centred)
    made = of_x - bias
    scale = (made @ unscaled) / (unscaled @ unscaled)
    if not _near(scale * unscaled, made, x.dtype):
        return None
    return FrozenNorm(scale * gain, bias, centred)


def _without_mean(y: torch.Tensor, *, centred: bool) -> torch.Tensor:
    return y - y.mean(-1, keepdim=True) if centred else y


def _near(a: torch.Tensor, b: torch.Tensor, dtype: torch.dtype) -> bool:
    room = _ROUNDING.get(dtype, 1e-4)
    return bool((a - b).abs().max() <= room * (1e-6 + b.abs().max()))
