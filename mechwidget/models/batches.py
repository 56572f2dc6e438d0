"""Batches: variants of one prompt, as many at once as pays and fits.

Variants are grouped by the first block that they need, so that each batch is replayed from there; a
batch never holds more rows than the budget allows, and one that runs out of memory all the same is
split. That rows do not disturb one another is checked, not believed: row 0 of every batch against
the baseline, and once per model the last row of a batch against its single run. Where that fails,
or the model takes no batch at all, variants are run one at a time.

In: the variants of one call of `run_rows`. Out: `Rows`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from mechwidget.models.budget import ran_out
from mechwidget.models.replay import Replayer
from mechwidget.models.rows import Rows, RowTraffic
from mechwidget.models.run import ReadOut, Run
from mechwidget.models.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.models.plan import Plan
    from mechwidget.models.planner import Forward, Planner
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens

Pair = tuple[Run, Run]  # a variant's run, and the baseline that it compares to

_SMALL = 128  # tokens: smaller batches take about as long, so neighbouring layers share one
_ROUNDING = {torch.float16: 0.03, torch.bfloat16: 0.03}
_ONE_BY_ONE = (TypeError, ValueError, LookupError, AttributeError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Batches:
    """The variants of one call.

    Attributes:
        planner: decides what is replayed.
        forward: calls the model.
        tokens: the prompt.
        variants: what each edits and reads.
        keep: the positions whose logits are computed; None is all.
        device: where the model takes its ids.
    """

    planner: Planner
    forward: Forward
    tokens: Tokens
    variants: tuple[Traffic, ...]
    keep: Sequence[int] | None
    device: torch.device
    _baselines: dict[str, Run] = field(default_factory=dict)  # by whose attention they ran with

    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Which variants run together, in the order in which they will."""
        n, looked_at = self.tokens.longest, len(self.tokens if self.keep is None else self.keep)
        reads = max((len(variant.reads) for variant in self.variants), default=0)
        limit = self.planner.baselines.budget
        most = limit.most_rows(self.planner.ledger, n, looked_at, reads, self.device) - 1
        whole = self.planner.baselines.why_not() != "" or most < 2 or self.planner.ledger.coupled
        groups: list[list[int]] = []
        here: tuple[str, int] = ("", 0)
        for key, index in sorted((self._key(i), i) for i in range(len(self.variants))):
            same = key == here or (key[0] == here[0] and (len(groups[-1]) + 1) * n < _SMALL)
            if not whole and key[0] and same and len(groups[-1]) < most:
                groups[-1].append(index)
            else:
                groups.append([index])
                here = key
        return tuple(map(tuple, groups))

    def run(self) -> Rows:
        """Every variant, however many batches that takes."""
        found: dict[int, Pair] = {}
        for group in self.groups():
            found.update(zip(group, self._group(group), strict=True))
        pairs = [found[index] for index in range(len(self.variants))]
        return Rows([run for run, _ in pairs], [baseline for _, baseline in pairs])

    def _key(self, index: int) -> tuple[str, int]:
        """Whose attention a variant needs ("" if it has to run alone), and its first block."""
        variant = self.variants[index]
        route = self.planner.route(variant)
        alone = self.planner.why_alone(variant)
        if alone or self.planner.baselines.disproved(_rows_of(route)):
            return "", 0
        return route, self.planner.start(variant)

    def _group(self, group: tuple[int, ...]) -> list[Pair]:
        """The runs of one batch, which is split when memory runs out."""
        variants = [self.variants[index] for index in group]
        if len(group) > 1:
            try:
                together = self._together(variants)
            except (*_ONE_BY_ONE, MemoryError) as error:
                if ran_out(error):
                    half = len(group) // 2
                    return [*self._group(group[:half]), *self._group(group[half:])]
                together = None  # what was wrong with an edit is said by its single run
            if together is not None:
                return together
        return [(self._alone(_fresh(v)), self._baseline(v)) for v in variants]

    def _together(self, variants: list[Traffic]) -> list[Pair] | None:
        """One batch; None when its rows are not what single runs are."""
        alone, route = self._baseline(variants[0]), self.planner.route(variants[0])
        known = self.planner.baselines.get(self.tokens, route)
        if known is None:
            return None
        traffic = RowTraffic([_fresh(v, reads=False) for v in variants], variants[0].reads)
        start = min(self.planner.start(variant) for variant in variants)
        if start and not self.planner.provable(self.forward, traffic, known, start):
            start = 0
        splice = Replayer(known.records, start, traffic.shape[0]) if start else None
        logits, explicit = self.forward(traffic, self.keep, splice)
        if not _same(logits[:1], alone.logits):
            return None

        def proof() -> bool:
            return _same(logits[-1:], self._alone(_fresh(variants[-1])).logits)

        if not self.planner.baselines.proved(_rows_of(route), 0, proof):
            return None
        plan = self.planner.plan(logits, start, rows=traffic.shape[0])
        return self._split(traffic, logits, plan, explicit=explicit)

    def _split(
        self, traffic: RowTraffic, logits: torch.Tensor, plan: Plan, *, explicit: bool
    ) -> list[Pair]:
        traffic.fired()  # raises when something was not read
        kept = traffic.take()
        runs = []
        for row, variant in enumerate((Traffic((), frozenset(), (1, 0)), *traffic.variants)):
            read = {site: tensor[row : row + 1] for site, tensor in kept.items()}
            own = logits[row : row + 1]
            same = row > 0 and torch.equal(own, logits[:1])
            runs.append(self._run(own, read, variant, plan, explicit=explicit, unmoved=same))
        return [(run, runs[0]) for run in runs[1:]]

    def _baseline(self, variant: Traffic) -> Run:
        """The single run without edits, with the attention that `variant` has."""
        taps = self.planner.taps(variant)
        key = f"{self.planner.route(variant)} {taps if not self.planner.switches else ''}"
        if key not in self._baselines:
            silent = Traffic((), variant.reads | frozenset(taps[:1]), variant.shape)
            self._baselines[key] = self._alone(silent)
        return self._baselines[key]

    def _alone(self, traffic: Traffic) -> Run:
        logits, explicit, plan = self.planner.run(self.forward, self.tokens, traffic, self.keep)
        return self._run(logits, None, traffic, plan, explicit=explicit)

    def _run(
        self,
        logits: torch.Tensor,
        read: dict[Site, torch.Tensor] | None,
        traffic: Traffic,
        plan: Plan,
        *,
        explicit: bool,
        unmoved: bool = False,
    ) -> Run:
        fired = traffic.fired(unmoved=unmoved)
        return Run(
            logits=logits,
            positions=tuple(range(len(self.tokens)) if self.keep is None else self.keep),
            tokens=self.tokens,
            read=ReadOut(traffic.take() if read is None else read),
            fired=fired,
            attention="explicit" if explicit else "own",
            plan=plan,
        )


def _fresh(variant: Traffic, *, reads: bool = True) -> Traffic:
    """The same edits, of which none has run yet."""
    kept = variant.reads if reads else frozenset()
    given, reach = variant.given, variant.reach
    return Traffic(variant.edits, kept, variant.shape, given=given, reach=reach)


def _rows_of(route: str) -> str:
    return f"rows with {route} attention"


def _same(row: torch.Tensor, alone: torch.Tensor) -> bool:
    """Whether a row of a batch is its single run, but for rounding."""
    if row.shape != alone.shape:
        return False
    apart = torch.where(row == alone, 0.0, (row - alone).float()).abs().max()
    finite = torch.where(alone.isfinite(), alone.float(), 0.0).abs().max()
    return bool(apart <= _ROUNDING.get(alone.dtype, 2e-5) * (1 + finite))
