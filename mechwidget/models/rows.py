"""Rows: what many variants of one prompt in one batch are made of.

Row 0 is the baseline, row k + 1 is variant k; each variant's edits see and change its own row only.

In: variants as traffic. Out: `RowTraffic` for one batch, and `Rows`, one `Run` per variant, each
with the baseline that it compares to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from mechwidget.models.run import Run
from mechwidget.models.traffic import Traffic

if TYPE_CHECKING:
    import torch

    from mechwidget.models.sites import Site


class Rows(Sequence[Run]):
    """The runs of some variants, in the order in which they were given.

    Compare `rows[k]` with `rows.baseline(k)`: row 0 of the same batch, computed by the same
    kernels, so that rounding does not look like an effect.
    """

    def __init__(self, runs: Sequence[Run], baselines: Sequence[Run]) -> None:
        self._runs = tuple(runs)
        self._baselines = tuple(baselines)

    def baseline(self, index: int) -> Run:
        """The run without interventions that shares its batch with `self[index]`."""
        return self._baselines[index]

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Run]: ...
    def __getitem__(self, index: int | slice) -> Run | Sequence[Run]:
        return self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)


class RowTraffic(Traffic):
    """The traffic of several variants: row 0 passes unedited, row k + 1 through variant k."""

    def __init__(self, variants: Sequence[Traffic], reads: frozenset[Site]) -> None:
        super().__init__((), reads, (len(variants) + 1, variants[0].shape[1]))
        self.variants = variants
        self._editing: dict[Site, list[tuple[int, Traffic]]] = {}
        for row, variant in enumerate(variants, 1):
            for site in variant.sites:
                self._editing.setdefault(site, []).append((row, variant))

    @property
    def sites(self) -> set[Site]:
        """Every site that has to be hooked."""
        return {*self.reads, *self._editing}

    def pass_on(
        self, site: Site, tensor: torch.Tensor, exists: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What flows on from `site`, each row through its own variant."""
        editing = self._editing.get(site)
        if editing:
            if tensor.shape[0] != self.shape[0]:
                raise ValueError(f"{tensor.shape[0]} of {self.shape[0]} rows came past {site}")
            tensor = tensor.clone()
            for row, variant in editing:
                here = None if exists is None else exists[row : row + 1]
                tensor[row : row + 1] = variant.pass_on(site, tensor[row : row + 1], here)
        return super().pass_on(site, tensor, exists)
