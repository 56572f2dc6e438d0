"""A norm held at the scale that it had in a run: then it is a linear map plus a constant.

`norm(x) = w ∘ P x / s(x) + b`, where P takes the mean away (LayerNorm) or does nothing (RMSNorm)
and s is the spread of what it is given. With s kept at s(x) of one x, contributions to x can be
told apart. What w, b and P are, and what s(x) was, is found as for the sites of norms (see
`models.norms`), so that it does not matter how a module stores them (`1 + w` in Gemma).

In: a norm module of a twin and x. Out: `FrozenNorm`, or None where the module is no such norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from mechwidget.models.norms import probed


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
        return self.gain * self._without_mean(y)

    def back(self, direction: torch.Tensor) -> torch.Tensor:
        """What `y` is multiplied by so that `direction · forward(y)` comes out: the transpose."""
        return self._without_mean(self.gain * direction)

    def _without_mean(self, y: torch.Tensor) -> torch.Tensor:
        return y - y.mean(-1, keepdim=True) if self.centred else y


@torch.no_grad()
def freeze_norm(module: nn.Module, x: torch.Tensor) -> FrozenNorm | None:
    """Hold a norm at the scale that it has for `x[d]`."""
    row = x[None, None]
    norm = probed(module, row)
    if norm is None:
        return None
    y = module.forward(row)
    gain = norm.gain / norm.divisor(row, y)[0, 0]
    return (
        FrozenNorm(gain.float(), norm.bias.float(), norm.centres) if norm.explains(row, y) else None
    )
