"""The number that a norm divides by, at each position, readable and editable.

A norm gives y = b + g · c(x) / s: c(x) is x, or x less its mean (LayerNorm); s, the divisor, is the
root of the mean square of c(x) (and its epsilon) at that position; g and b are its gain and bias.
Given another divisor s', it gives b + (y - b) · s / s'. All else stays linear in x, the mean
included: that is what "the norm is frozen" means in direct effects.

b, g and c are found by calling the module on zeros, on ones and on numbers of both signs, so that
no class of norm has to be known; a module that is no such norm is refused.

In: a twin and the run's traffic. Out: the twin, hooked where a divisor is touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.carrier import activation_in, with_activation
from mechwidget.models.hooks import submodule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mechwidget.models.bindings import Binding
    from mechwidget.models.sites import Site
    from mechwidget.models.traffic import Traffic

_LOUD = 64.0  # so large that an epsilon under the root does not count
_ROUNDING = {torch.float16: 0.02, torch.bfloat16: 0.05}


@dataclass(frozen=True, slots=True)
class Norm:
    """What a norm does besides dividing.

    Attributes:
        gain: `[d]`; bias: `[d]`.
        centres: whether the mean is taken away first.
    """

    gain: torch.Tensor
    bias: torch.Tensor
    centres: bool

    def divisor(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """What it divided `x[..., d]` by to give `y`, `[..., 1]`; 1 where all is 0."""
        given = _length(self.gain * self._centred(_wide(x)))
        left = _length(_wide(y) - self.bias)
        return torch.where((given == 0) | (left == 0), 1.0, given / left)

    def explains(self, x: torch.Tensor, y: torch.Tensor) -> bool:
        """Whether `y` is what such a norm makes of `x`."""
        made = self.bias + self.gain * self._centred(_wide(x)) / self.divisor(x, y)
        room = _ROUNDING.get(y.dtype, 1e-3) * (1 + _wide(y).abs().max())
        return bool((made - _wide(y)).abs().max() <= room)

    def _centred(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.mean(-1, keepdim=True) if self.centres else x


def probed(module: nn.Module, like: torch.Tensor) -> Norm | None:
    """The norm that `module` is, found by calling its forward on made-up rows; None if none."""

    def answer(row: torch.Tensor) -> torch.Tensor:
        given = row.to(like).reshape(*[1] * (like.dim() - 1), -1)
        answered = activation_in(module.forward(given))
        if answered is None:
            raise TypeError("no activation")
        return answered.detach().flatten()

    ones = torch.ones(like.shape[-1], device=like.device, dtype=_wide(like).dtype)
    signs = ones.clone()
    signs[1::2] = -1
    try:
        bias = _wide(answer(0 * ones))
        flat, alternating = (_wide(answer(_LOUD * row)) - bias for row in (ones, signs))
        centres = bool(flat.abs().max() <= 1e-2 * alternating.abs().max())
        given = signs - signs.mean() if centres else signs
        norm = Norm(alternating / given * given.square().mean().sqrt(), bias, centres)
        rows = [ones.cumsum(0).pow(power) * signs.roll(power) for power in (1, 2)]
        explained = all(norm.explains(row.to(like), answer(row)) for row in rows)
        louder = _wide(answer(2 * _LOUD * signs)) - bias
        explained = explained and torch.allclose(louder, alternating, rtol=0.02)
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):
        return None  # it wants more than one tensor, or gives back something else
    return norm if explained else None


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """In float32 at least."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _length(rows: torch.Tensor) -> torch.Tensor:
    """Euclidean norms along the last axis, `[..., 1]`, of numbers whose squares may overflow."""
    largest = rows.abs().amax(-1, keepdim=True)
    safe = torch.where((largest > 0) & largest.isfinite(), largest, 1.0)
    length: torch.Tensor = (rows / safe).norm(dim=-1, keepdim=True)
    return length * safe


@dataclass(eq=False)
class NormHook:
    """The hook of one norm."""

    traffic: Traffic
    sites: dict[int, Site] = field(default_factory=dict)
    _calls: int = -1
    _passes: int = 0
    _norm: Norm | None = None

    def after(self, module: nn.Module, args: Any, kwargs: Any, result: Any) -> Any:
        """A forward hook: shows the divisor, and divides by what flows on instead."""
        if self._passes != self.traffic.passes:
            self._passes, self._calls = self.traffic.passes, -1
        self._calls += 1
        site, x = self.sites.get(self._calls), activation_in((args, kwargs))
        own = activation_in(result)
        if site is None or x is None or own is None:
            return None
        x, y = self.traffic.arriving(site, x), self.traffic.arriving(site, own)
        norm = self._norm = self._norm or probed(module, x)
        if norm is None:
            raise UnsupportedModelError(
                f"{site} cannot be told: {type(module).__name__} does more than divide by one "
                "number at each position."
            )
        divisor = norm.divisor(x, y).reshape(self.traffic.shape[0], -1, 1)
        shown = divisor.clone()  # a gradient at the site is of what is divided by, and no more
        passed = self.traffic.pass_on(site, shown)
        if passed is shown:
            return None if y is own else with_activation(result, own, y)
        share = (divisor / passed).reshape(*y.shape[:-1], 1)
        changed = (norm.bias + (_wide(y) - norm.bias) * share).to(y.dtype)
        # To the last bit y where nothing changed, with the derivative of what is divided.
        same = y + (changed - changed.detach()) - (y - y.detach()) if changed.requires_grad else y
        return with_activation(result, own, torch.where(share == 1, same, changed))


def hook_norms(twin: nn.Module, bindings: Mapping[Site, Binding], traffic: Traffic) -> None:
    """Hook every norm whose divisor the run touches."""
    hooks: dict[str, NormHook] = {}
    for site, binding in bindings.items():
        if binding.end == "scale" and binding.place is not None and site in traffic.sites:
            hook = hooks.setdefault(binding.place.module, NormHook(traffic, _passes=traffic.passes))
            hook.sites[binding.place.nth] = site
    for name, hook in hooks.items():
        submodule(twin, name).register_forward_hook(hook.after, with_kwargs=True)
