"""What a model is given that is not made of tokens: an image's pixels, a sound.

In: a tensor or an array of numbers. Out: a frozen `Signal`, equal to another when shape and
numbers are, so that it can be the key of what is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from mechwidget.errors import PromptError
from mechwidget.models.raw_signal import digest


@dataclass(frozen=True, slots=True)
class Signal:
    """Pixels `[channel, height, width]`, a waveform `[sample]` or features `[mel, frame]`.

    Attributes:
        kind: "image", "video" or "sound".
        tensor: the numbers, float32 on the CPU, without a batch axis; never written to.
        digest: of shape and numbers; two signals are equal when it is.
    """

    kind: str
    tensor: torch.Tensor = field(compare=False, repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        numbers = self.tensor.detach().to("cpu", torch.float32, copy=True).contiguous()
        object.__setattr__(self, "tensor", numbers)
        object.__setattr__(self, "digest", digest(numbers.numpy()))


def signal_of(value: Any, like: Signal) -> Signal:
    """A signal from a tensor or an array, with or without a batch axis of one."""
    axes = like.tensor.dim()
    numbers = torch.as_tensor(value, device="cpu") if hasattr(value, "__array__") else value
    if not isinstance(numbers, torch.Tensor) or numbers.dtype == torch.bool:
        raise PromptError(
            f"The prompt is {type(value).__name__}; expected a tensor or an array of {axes} axes.",
        )
    if numbers.dim() == axes + 1 and numbers.shape[0] == 1:
        numbers = numbers[0]
    if numbers.dim() != axes or not numbers.numel():
        raise PromptError(
            f"The prompt has shape {tuple(numbers.shape)}; expected {axes} axes, or one more in "
            "front of size 1."
        )
    if not numbers.float().isfinite().all():
        raise PromptError("The prompt has numbers that are not finite.")
    return Signal(like.kind, numbers)
