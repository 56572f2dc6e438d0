"""Ask a module a question by calling it again: does it look at other positions?

A recurrent or convolutional mixer and an MLP look alike in a trace. They differ in what happens
at later positions when the first one is changed: nothing, in an MLP.

In: a fresh twin and calls recorded on another twin. Out: answers; nothing is kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from mechwidget.models.coupling import NOISE
from mechwidget.models.trace import Call, first_activation

_TOLERANCE = 1e-3


class Prober:
    """Calls modules of a twin with changed inputs."""

    def __init__(self, twin: nn.Module, *, coupled: bool = False) -> None:
        self._twin, self._coupled = twin, coupled

    def is_positionwise(self, call: Call) -> bool:
        """Whether position t of the output depends on no other position of the input."""
        if call.x is None or call.y is None or call.x.dim() != 3:
            return False
        if call.x.shape[:2].numel() * call.y.shape[-1] != call.y.numel():
            return False
        changed = call.x.clone()
        changed[:, 0] = -changed[:, 0].flip(-1)
        try:
            answer = self._again(call, changed)
        except (TypeError, ValueError, RuntimeError, IndexError, AttributeError):
            return False  # a module that cannot be called alone is none that we claim to know
        if answer is None or answer.shape != call.y.shape:
            return False
        moved = (answer - call.y).reshape(*call.x.shape[:2], -1).abs()
        if self._coupled:  # by a scale that all positions share
            return bool(moved[:, 1:].mean() <= NOISE * moved[:, 0].mean())
        return bool(moved[:, 1:].max() <= _TOLERANCE * (call.y.abs().max() + 1e-6))

    def _again(self, call: Call, changed: torch.Tensor) -> torch.Tensor | None:
        module = self._twin.get_submodule(call.name)
        args = tuple(_replaced(value, call.x, changed) for value in call.args)
        kwargs = {name: _replaced(value, call.x, changed) for name, value in call.kwargs.items()}
        with torch.no_grad():
            return first_activation(module(*args, **kwargs))


def _replaced(value: Any, old: torch.Tensor | None, new: torch.Tensor) -> Any:
    return new if value is old else value
