"""Knocking out an attention edge: one query no longer attends to one key, in one head.

The entry of the pattern, after the softmax, is set to 0. Renormalised (the default), the rest of
the row is divided by what is left of it, as if the key had been masked before the softmax: rows
sum to 1 again, or, where a sink takes a share of each row, to what they would sum to without
the key. A query that attended to nothing else attends to nothing: its row is 0. Not
renormalised, the other entries stay as they were, and what flowed along the edge is gone.

Keys, values and the other heads are untouched. What the masks forbid is 0 already. An edge of cross
attention goes from a position of the decoder to one of what the encoder read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mechwidget.interventions.components import AHEAD, Edge
from mechwidget.interventions.fields import boolean
from mechwidget.interventions.intervention import Intervention, require_component
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.interventions.component import Index
    from mechwidget.models.hooked_model import HookedModel


@dataclass(frozen=True, slots=True)
class KnockOut(Intervention):
    """Cut one attention edge, e.g. `mw.KnockOut(mw.Edge(1, 2, query=-1, key=0))`.

    Attributes:
        component: the `Edge`.
        renormalise: whether the rest of the row makes up for it.
    """

    kind = "knock_out"
    component: Edge
    renormalise: bool = True

    def __post_init__(self) -> None:
        require_component(self.component, "KnockOut", (Edge,))
        boolean(self.renormalise, "renormalise")

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        how = "" if self.renormalise else ", the rest of the row as it was"
        return f"Knock out {self.component}{how}"

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """One edit of the layer's pattern."""
        edge = self.component
        edge.check(model)
        block = model.ledger.blocks[edge.layer]
        attention = block.cross if edge.cross else block.attention
        sink = attention is not None and attention.sink
        apply = partial(_cut, edge, edge.within(n_positions), self.renormalise, sink)
        idle = AHEAD if edge.is_ahead(model, n_positions) else _NOTHING
        return (Edit(edge.site, apply, idle=idle),)


_NOTHING = "the pattern was 0 there already, by a mask or because the query looks elsewhere"


def _cut(
    edge: Edge, where: Index, renormalise: bool, sink: bool, pattern: torch.Tensor
) -> torch.Tensor:
    """The pattern `[batch, head, query, key]` without the one entry `where`."""
    edge.require_in(pattern)
    *at_row, key = where
    edited, row = pattern.clone(), pattern[tuple(at_row)].float()
    cut = row.clone()
    cut[:, key] = 0
    if renormalise:
        left = cut.sum(-1, keepdim=True)
        if sink:  # the share that goes to no key stays in the denominator
            left = left + (1 - row.sum(-1, keepdim=True)).clamp(min=0)
        # A row without the key in it is left as it is, to the last bit.
        cut = cut.where(row[:, key, None] == 0, cut / left.clamp(min=1e-30))
    edited[tuple(at_row)] = cut.to(pattern.dtype)
    return edited
