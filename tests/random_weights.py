"""Random weights at which no part of a tiny model drowns, and token ids to run it on."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

VOCABULARY = 99
_KEPT = ("A_log", "D", "dt_bias", "time_decay", "time_first")
_KEPT_ANYWHERE = ("conv", "rope", "lambda_", "logit_scale")


def example(length: int = 11) -> torch.Tensor:
    """Token ids `[1, length]` that no tiny model reads as padding."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(3, VOCABULARY, (1, length), generator=generator)


def built(make: Callable[[], nn.Module]) -> nn.Module:
    """A new model with random weights in float32; always the same ones."""
    torch.manual_seed(0)
    model = make().float().eval()
    randomise(model)
    return model


@torch.no_grad()
def randomise(model: nn.Module) -> None:
    """Weights of a size at which no part drowns: gains 1.5, biases 0.1, norms near 1."""
    generator = torch.Generator().manual_seed(0)

    def noise(parameter: torch.Tensor, scale: float) -> torch.Tensor:
        return torch.randn(parameter.shape, generator=generator) * scale

    for name, parameter in model.named_parameters():
        leaf = name.rpartition(".")[2]
        kept = leaf in _KEPT or any(part in name for part in _KEPT_ANYWHERE)
        if kept or not parameter.is_floating_point():
            continue
        if parameter.dim() >= 2:
            fan = max(parameter.shape[-1 if parameter.dim() == 2 else -2], 1)
            gain = 0.7 * math.sqrt(fan) if "emb" in name or "wte" in name else 1.5
            parameter.copy_(noise(parameter, gain / math.sqrt(fan)))
        elif "bias" in leaf:
            parameter.copy_(noise(parameter, 0.1))
        elif "sink" in leaf:
            parameter.copy_(noise(parameter, 1.0))
        elif "norm" in name or "ln" in name:
            parameter.add_(noise(parameter, 0.1))
