"""Putting tensors of ours in the place of what flows through a run, whatever flows there.

`SetValue` is for people and holds numbers that go to JSON; this holds tensors, so that analysis can
ask the model's own modules what they make of a stream that no prompt gives.

In: tensors by site. Out: the edits of one run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from mechwidget.models import HookedModel, Site


@dataclass(frozen=True, slots=True, eq=False)
class Put:
    """What is put where: per site a tensor that broadcasts to what flows there."""

    values: Mapping[Site, torch.Tensor]

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:  # noqa: ARG002 - the protocol
        """One edit per site."""
        return [Edit(site, partial(_instead, value)) for site, value in self.values.items()]


def _instead(value: torch.Tensor, carried: torch.Tensor) -> torch.Tensor:
    return value.to(device=carried.device, dtype=carried.dtype).expand_as(carried).clone()
