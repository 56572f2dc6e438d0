"""Rows that join a batch where their variant first differs from the baseline.

The model is called with one row, the baseline. Rows come in as copies of row 0: at a site of the
stream right there; at a site inside a block at the entry of that block or, while row 0 is alone, as
late as the site itself, so that all that comes before it is computed once for all of them. What the
model makes of its ids (masks, rotary tables) has one row and is shared. A batch may therefore hold
variants of many layers, and none of them costs more blocks than it needs. A model whose code cannot
be called so fails, or gives wrong rows: `batches` finds out and goes back to rows from the start.

In: variants and where each of them joins. Out: `JoiningRows`, the traffic of such a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.models.carrier import activation_in, with_activation
from mechwidget.models.replay import wrap_blocks
from mechwidget.models.rows import RowTraffic
from mechwidget.models.sites import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from mechwidget.models.ledger import Ledger
    from mechwidget.models.traffic import Traffic

_END = Site("logits")


@dataclass(frozen=True, slots=True, order=True)
class Join:
    """Where a variant first differs; in the order of computation.

    Attributes:
        layer: the first block that it needs.
        rank: 0 or 1 at a site of the stream before that block, 2 inside it.
        site: that site of the stream; None inside a block, where any of its sites may come first.
        late: whether the variant may join as late as its first site.
    """

    layer: int
    rank: int
    site: Site | None = None
    late: bool = False


class JoiningRows(RowTraffic):
    """The traffic of variants that are given in the order in which they join.

    `late` says whether the first of them may join inside their block; else all join at its entry.
    """

    def __init__(
        self,
        variants: Sequence[Traffic],
        reads: frozenset[Site],
        joins: Sequence[Join],
        *,
        late: bool,
    ) -> None:
        super().__init__(variants, reads)
        self._joins, self._late = joins, late
        self._all = self.shape[0]
        self._awaited: dict[Site, int] = {}  # the rows that there are once a site is reached
        self.shape = (1, self.shape[1])
        for row, join in enumerate(joins, 2):
            if join.site is not None:
                self._awaited[join.site] = row

    @property
    def rows_given(self) -> int:
        """One: the baseline."""
        return 1

    def onto(self, twin: nn.Module, ledger: Ledger) -> None:
        """Let rows in at the entry of each block."""
        wrap_blocks(twin, ledger, self._call)

    def arriving(self, site: Site, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor with the rows that join at this site, and all that joined before."""
        self._let_in(self._all if site == _END else self._awaited.get(site, 0))
        return self._with_rows(tensor)

    def pass_on(
        self, site: Site, tensor: torch.Tensor, exists: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What flows on from `site`; every row is there in the end."""
        if site == _END:
            tensor = self.arriving(site, tensor)
        return super().pass_on(site, tensor, exists)

    def _call(self, layer: int, real: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        due = 1 + sum(join.layer <= layer for join in self._joins)
        new = self._joins[self.shape[0] - 1 : due - 1]
        if self._late and self.shape[0] == 1 and all(join.late for join in new):
            for site in {site for variant in self.variants[: due - 1] for site in variant.sites}:
                self._awaited[site] = max(due, self._awaited.get(site, 0))
        else:
            self._let_in(due)
        x = activation_in((args, kwargs))
        if x is not None:
            args, kwargs = with_activation((args, kwargs), x, self._with_rows(x))
        return real(*args, **kwargs)

    def _let_in(self, rows: int) -> None:
        self.shape = (max(rows, self.shape[0]), self.shape[1])

    def _with_rows(self, tensor: torch.Tensor) -> torch.Tensor:
        """`[batch, pos, …]` or `[batch · pos, …]` with copies of row 0 for rows that are new."""
        one = self.shape[1] if tensor.dim() < 3 else 1
        if tensor.shape[0] % one:
            raise ValueError(f"{tensor.shape[0]} entries are no rows of {one} positions")
        missing = self.shape[0] - tensor.shape[0] // one
        if missing <= 0:
            return tensor
        return torch.cat([tensor, tensor[:one].repeat(missing, *[1] * (tensor.dim() - 1))])
