"""What a component holds over a reference set of prompts: mean, standard deviation, count.

In: the component's site as each prompt's run held it, `[1, pos, …]`. Out: a `Reference`, per
position or over all positions of all prompts. Every token counts, special ones too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.interventions.component import Component


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The statistics of one component.

    Attributes:
        mean: `[width]` or, by position, `[pos, width]`; without the last axis for a neuron.
        std: the same shape: the standard deviation around the mean (of the population, so 0 for
            a single activation).
        n: how many activations each number is taken over: `[]` or, by position, `[pos]`.
    """

    mean: torch.Tensor
    std: torch.Tensor
    n: torch.Tensor


def reference_of(
    component: Component, held: Sequence[torch.Tensor], *, by_position: bool
) -> Reference:
    """Statistics over what each prompt's run held at the component's site."""
    parts = [tensor[component.at(None)][0].float() for tensor in held]  # [pos, …]
    if by_position:
        longest = max(len(part) for part in parts)
        rows = [torch.stack([p[i] for p in parts if i < len(p)]) for i in range(longest)]
    else:
        rows = [torch.cat(parts)]
    mean = torch.stack([row.mean(0) for row in rows])
    std = torch.stack([row.std(0, correction=0) for row in rows])
    n = torch.tensor([len(row) for row in rows], device=mean.device)
    return Reference(mean, std, n) if by_position else Reference(mean[0], std[0], n[0])
