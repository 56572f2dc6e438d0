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
from typing import TYPE_CHECKING, Literal

import torch

from mechwidget.errors import MechwidgetError
from mechwidget.models.budget import ran_out
from mechwidget.models.joining import JoiningRows
from mechwidget.models.replay import Replayer, Splices
from mechwidget.models.rounding import equal_but_for_rounding
from mechwidget.models.rows import Rows, RowTraffic
from mechwidget.models.run import ReadOut, Run
from mechwidget.models.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mechwidget.models.baselines import Baseline, Route
    from mechwidget.models.joining import Join
    from mechwidget.models.plan import Plan
    from mechwidget.models.planner import Forward, Planner
    from mechwidget.models.replay import Splice
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens

Pair = tuple[Run, Run]  # a variant's run, and the baseline that it compares to
Manner = Literal["late", "joining", "whole"]

_ENOUGH = 512  # tokens: matrix products of more are no faster
_SMALL = 128  # tokens: whole batches of fewer take about as long, so that layers share one
_REFUSALS = (TypeError, ValueError, LookupError, AttributeError, RuntimeError)


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
        replay: whether anything may be remembered, or computed once for several rows.
    """

    planner: Planner
    forward: Forward
    tokens: Tokens
    variants: tuple[Traffic, ...]
    keep: Sequence[int] | None
    device: torch.device
    replay: bool = True
    _baselines: dict[str, Run] = field(default_factory=dict)  # by whose attention they ran with

    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Which variants run together, in the order in which they will."""
        return self._grouped(range(len(self.variants)))

    def run(self) -> Rows:
        """Every variant, however many batches that takes."""
        found = self._in_groups(range(len(self.variants)))
        pairs = [found[index] for index in range(len(self.variants))]
        return Rows([run for run, _ in pairs], [baseline for _, baseline in pairs])

    def _in_groups(self, indices: Iterable[int]) -> dict[int, Pair]:
        found: dict[int, Pair] = {}
        for group in self._grouped(indices):
            found.update(zip(group, self._group(group), strict=True))
        return found

    def _grouped(self, indices: Iterable[int]) -> tuple[tuple[int, ...], ...]:
        n, looked_at = self.tokens.longest, len(self.tokens if self.keep is None else self.keep)
        reads = max((len(variant.reads) for variant in self.variants), default=0)
        limit = self.planner.baselines.budget
        most = limit.most_rows(self.planner.ledger, n, looked_at, reads, self.device) - 1
        single = self.planner.baselines.why_not() != "" or most < 2 or self.planner.ledger.coupled
        groups: list[list[int]] = []
        here = ("", 0)
        for route, join, index in sorted((*self._key(i), i) for i in indices):
            enough = self._enough(route)
            shares = bool(groups) and bool(route) and here[0] == route and not single
            few = shares and (len(groups[-1]) + 1) * n < enough
            if shares and (few or here[1] == join.layer) and len(groups[-1]) < most:
                groups[-1].append(index)
            else:
                groups.append([index])
            here = (route, join.layer)
        return tuple(map(tuple, groups))

    def _key(self, index: int) -> tuple[str, Join]:
        """Whose attention a variant needs ("" if it has to run alone), and where it begins."""
        variant = self.variants[index]
        route, join = self.planner.extent.route(variant), self.planner.extent.join(variant)
        alone = self.planner.extent.why_alone(variant)
        if alone or self.planner.baselines.disproved(_rows(route, "whole")):
            return "", join
        return route, join

    def _enough(self, route: str) -> int:
        """How many tokens a batch has to have before another layer gets its own."""
        if not self.replay:
            return 2**62
        joins = not self.planner.baselines.disproved(_rows(route, "joining"))
        return _ENOUGH if joins else _SMALL

    def _group(self, group: tuple[int, ...]) -> list[Pair]:
        """The runs of one batch, which is split when memory runs out."""
        variants = [self.variants[index] for index in group]
        if len(group) > 1:
            manner, what = self._manner(variants)
            try:
                together = self._together(variants, manner, what)
            except (*_REFUSALS, MemoryError) as error:
                if ran_out(error):
                    half = len(group) // 2
                    return [*self._group(group[:half]), *self._group(group[half:])]
                together = None
                if isinstance(error, MechwidgetError):
                    manner = "whole"  # what is wrong with an edit is said by its single run
            if together is not None:
                return together
            if manner != "whole":
                self.planner.baselines.disprove(what)
                found = self._in_groups(group)
                return [found[index] for index in group]
        return [(self._alone(_fresh(v)), self._baseline(v)) for v in variants]

    def _manner(self, variants: Sequence[Traffic]) -> tuple[Manner, str]:
        """How rows come into a batch: the first way that has not failed, and what to call it."""
        route = self.planner.extent.route(variants[0])
        joins = [self.planner.extent.join(variant) for variant in variants]
        first = [v for v, join in zip(variants, joins, strict=True) if join == joins[0]]
        names = " and ".join(sorted({site.name for variant in first for site in variant.sites}))
        late = (_rows(route, f"late {names}"),) if joins[0].late else ()
        known = self.planner.baselines
        for what in late if self.replay else ():
            if not known.disproved(what) and not known.disproved(_rows(route, "joining")):
                return "late", what
        if self.replay and not known.disproved(_rows(route, "joining")):
            return "joining", _rows(route, "joining")
        return "whole", _rows(route, "whole")

    def _together(self, variants: list[Traffic], manner: Manner, what: str) -> list[Pair] | None:
        """One batch; None when its rows are not what single runs are."""
        route, fresh = (
            self.planner.extent.route(variants[0]),
            [_fresh(v, reads=False) for v in variants],
        )
        known = self._known(variants[0], route)
        alone = None if known is None else known.logits_at(self.keep)
        alone = self._baseline(variants[0]).logits if alone is None else alone
        joins = [self.planner.extent.join(variant) for variant in variants]
        reads = variants[0].reads
        traffic = RowTraffic(fresh, reads)
        if manner != "whole":
            traffic = JoiningRows(fresh, reads, joins, late=manner == "late")
        traffic.read_at = variants[0].read_at
        start = 0 if known is None else min(map(self.planner.extent.start, variants))
        if known and start and not self.planner.provable(self.forward, traffic, known, start):
            start = 0
        splices: list[Splice] = []
        if known is not None and start:
            splices.append(Replayer(known.records, start, traffic.rows_given))
        if isinstance(traffic, JoiningRows):
            splices.append(traffic)
        narrow = None
        if known is not None:
            narrow = self.planner.narrowed(self.forward, traffic, self.keep, known)
        if narrow is not None:
            splices.append(narrow)
        logits, explicit = self.forward(traffic, self.keep, Splices(splices))
        if not equal_but_for_rounding(logits[:1], alone):
            return None

        def proof() -> bool:
            return equal_but_for_rounding(logits[-1:], self._alone(_fresh(variants[-1])).logits)

        if not self.planner.baselines.proved(what, 0, proof):
            return None
        plan = self.planner.plan(logits, start, narrow, traffic.shape[0])
        return self._split(traffic, logits, plan, explicit=explicit)

    def _known(self, variant: Traffic, route: Route) -> Baseline | None:
        """The remembered baseline, made now if there is none."""
        if not self.replay:
            return None
        known = self.planner.baselines.get(self.tokens, route)
        if known is None:
            self._baseline(variant)
            known = self.planner.baselines.get(self.tokens, route)
        return known

    def _split(
        self, traffic: RowTraffic, logits: torch.Tensor, plan: Plan, *, explicit: bool
    ) -> list[Pair]:
        traffic.fired()  # raises when something was not read
        kept = traffic.take()
        runs = []
        for row, variant in enumerate((Traffic((), frozenset(), (1, 0)), *traffic.variants)):
            # A row that joined after a site was, when it passed there, row 0.
            at = {site: row if row < len(tensor) else 0 for site, tensor in kept.items()}
            read = {site: tensor[at[site] : at[site] + 1] for site, tensor in kept.items()}
            own = logits[row : row + 1]
            same = row > 0 and torch.equal(own, logits[:1])
            runs.append(self._run(own, read, variant, plan, explicit=explicit, unmoved=same))
        return [(run, runs[0]) for run in runs[1:]]

    def _baseline(self, variant: Traffic) -> Run:
        """The single run without edits, with the attention that `variant` has."""
        extent = self.planner.extent
        taps = extent.taps(variant)
        key = f"{extent.route(variant)} {'' if extent.switches else taps}"
        if key not in self._baselines:
            reads = variant.reads | frozenset(taps[:1])
            silent = Traffic((), reads, variant.shape, read_at=variant.read_at)
            self._baselines[key] = self._alone(silent)
        return self._baselines[key]

    def _alone(self, traffic: Traffic) -> Run:
        logits, explicit, plan = self.planner.run(
            self.forward, self.tokens, traffic, self.keep, replay=self.replay
        )
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
    return Traffic(
        variant.edits,
        variant.reads if reads else frozenset(),
        variant.shape,
        given=variant.given,
        read_at=variant.read_at,
        reach=variant.reach,
    )


def _rows(route: str, how: str) -> str:
    return f"{how} rows with {route} attention"
