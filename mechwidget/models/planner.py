"""The planner: how much of a run can be replayed from its prompt's baseline.

In: what a run edits and reads, and what is remembered. Out: the logits, and a `Plan` that says how
they came about. A run replays only from layers where it was proved, on this very model, that a
replay with no edit gives the baseline's logits bit for bit; anything else is computed in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from mechwidget.models.baselines import Baseline, Baselines
from mechwidget.models.budget import ran_out
from mechwidget.models.narrowing import Narrowing, narrowing
from mechwidget.models.past import LooksBackError, WindowTraffic, first_position
from mechwidget.models.plan import Plan
from mechwidget.models.replay import Recorder, Replayer, Splices
from mechwidget.models.rounding import equal_but_for_rounding
from mechwidget.models.traffic import Traffic
from mechwidget.models.versions import version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.models.extent import Extent
    from mechwidget.models.ledger import Ledger
    from mechwidget.models.past import Past
    from mechwidget.models.replay import Splice
    from mechwidget.models.tokens import Tokens

_ROWS_OF_A_PRODUCT = (2, 16, 32)  # from 2, 16 or so on, matrix products round each row alike
_WINDOWS = (16, 32)  # positions, for the same reason
_NO_PAST = "a cache of the model's own"


class Forward(Protocol):
    """The one place where a run calls the model."""

    def __call__(
        self, traffic: Traffic, keep: Sequence[int] | None, splice: Splice | None
    ) -> tuple[torch.Tensor, bool]:
        """The logits, and whether the attention was ours."""
        ...


@dataclass(frozen=True, slots=True)
class Planner:
    """Decides for one model what has to be computed.

    Attributes:
        ledger: its blocks.
        extent: tells which of them a run has to do with.
        baselines: what is remembered.
    """

    ledger: Ledger
    extent: Extent
    baselines: Baselines

    def run(
        self,
        forward: Forward,
        tokens: Tokens,
        traffic: Traffic,
        keep: Sequence[int] | None,
        *,
        replay: bool = True,
        past: Callable[[int], Past | None] | None = None,
    ) -> tuple[torch.Tensor, bool, Plan]:
        """One row: replayed as far as possible, and remembered if nothing is edited.

        `past` has the model remember the first so many positions of the prompt.
        """
        why = "" if replay else "replay is off"
        why = why or self.baselines.why_not() or self.extent.why_alone(traffic)
        baseline = None if why else self.baselines.get(tokens, self.extent.route(traffic))
        if why or (baseline is None and traffic.edits):
            why = why or "no baseline of this prompt is remembered"
        elif baseline is None:
            return self._record(forward, tokens, traffic, keep)
        start = 0 if baseline is None else self.extent.start(traffic)
        if baseline is not None and start and not self.provable(forward, traffic, baseline, start):
            start, why = 0, f"replaying {start} blocks did not give the baseline's own logits"
        if baseline is not None and past is not None:
            windowed = self._windowed(forward, traffic, keep, baseline, start, past)
            if windowed is not None:
                return windowed
        splices: list[Splice] = []
        narrow = None
        if baseline is not None and start:
            splices.append(Replayer(baseline.records, start))
            narrow = self._exactly_narrowed(forward, traffic, keep, baseline, start)
        if narrow is not None:
            splices.append(narrow)
        logits, explicit = forward(traffic, keep, Splices(splices))
        return logits, explicit, self.plan(logits, start, narrow, why=why)

    def plan(
        self,
        logits: torch.Tensor,
        start: int,
        narrow: Narrowing | None = None,
        rows: int = 1,
        why: str = "",
    ) -> Plan:
        """The plan of a run that replayed `start` blocks, and of the last one did only a part."""
        kept = None if narrow is None else len(narrow.keep)
        return Plan(start, len(self.ledger.blocks), rows, logits.shape[1], kept, why=why)

    def is_baseline(
        self,
        forward: Forward,
        tokens: Tokens,
        traffic: Traffic,
        keep: Sequence[int] | None,
        logits: torch.Tensor,
    ) -> bool:
        """Whether these logits of a run with edits are those of the remembered run without any."""
        known = self.baselines.get(tokens, self.extent.route(traffic)) if traffic.edits else None
        if known is None:
            return False
        near = known.logits_at(keep)
        if near is not None and not equal_but_for_rounding(near, logits):
            return False
        if near is not None and torch.equal(near, logits):
            return True
        # Fewer positions may be unembedded with other rounding: only the same ones can tell.
        blocks = len(self.ledger.blocks)
        if keep is None or not self.provable(forward, traffic, known, blocks):
            return False
        return torch.equal(self._replayed(forward, traffic, keep, known), logits)

    def provable(self, forward: Forward, traffic: Traffic, baseline: Baseline, start: int) -> bool:
        """Whether replaying `start` blocks and editing nothing gives the baseline's logits."""

        def proof() -> bool:
            replayer = Replayer(baseline.records, start)
            again = self._tried(forward, self._silent(traffic), baseline.positions, replayer)
            return again is not None and torch.equal(again, baseline.logits)

        return self.baselines.proved(self.extent.route(traffic), start, proof)

    def narrowed(
        self, forward: Forward, traffic: Traffic, keep: Sequence[int] | None, baseline: Baseline
    ) -> Narrowing | None:
        """What can be left out of the last block of a batch, right but for rounding."""
        narrow = narrowing(self.ledger, traffic.sites, keep, traffic.shape[1])
        known = baseline.logits_at(keep)
        if narrow is None or known is None or self._last(traffic) == 0:
            return None

        def proof() -> bool:
            again = self._last_block(forward, traffic, keep, baseline, narrow)
            return again is not None and equal_but_for_rounding(again, known)

        what = f"narrow rows with {self.extent.route(traffic)} attention"
        return narrow if self.baselines.proved(what, 0, proof) else None

    def _exactly_narrowed(
        self,
        forward: Forward,
        traffic: Traffic,
        keep: Sequence[int] | None,
        baseline: Baseline,
        start: int,
    ) -> Narrowing | None:
        """What can be left out of the last block of a single run without changing a bit.

        Products of fewer rows may be rounded differently: from how many on they are not is tried
        out, for each length of a prompt, once a few runs have had a use for it.
        """
        last, n = self._last(traffic), traffic.shape[1]
        if keep is None or not 0 < start <= last:
            return None
        if narrowing(self.ledger, traffic.sites, keep, n) is None:
            return None
        if not self.baselines.asked_for(f"{len(set(keep))} of {n} positions"):
            return None
        if not self.provable(forward, traffic, baseline, last):
            return None
        for at_least in _ROWS_OF_A_PRODUCT:
            narrow = narrowing(self.ledger, traffic.sites, keep, n, at_least)
            if narrow is None:
                return None

            def proof(narrow: Narrowing = narrow) -> bool:
                known = self._replayed(forward, traffic, keep, baseline)
                again = self._last_block(forward, traffic, keep, baseline, narrow)
                return again is not None and torch.equal(again, known)

            what = (
                f"{len(narrow.keep)} of {n} positions with {self.extent.route(traffic)} attention"
            )
            if self.baselines.proved(what, 0, proof):
                return narrow
        return None

    def _replayed(
        self, forward: Forward, traffic: Traffic, keep: Sequence[int], baseline: Baseline
    ) -> torch.Tensor:
        """The baseline's logits, of these positions and no others."""
        if baseline.positions == tuple(keep):
            return baseline.logits
        whole = Replayer(baseline.records, len(self.ledger.blocks))
        return forward(self._silent(traffic), keep, whole)[0]

    def _windowed(
        self,
        forward: Forward,
        traffic: Traffic,
        keep: Sequence[int] | None,
        baseline: Baseline,
        start: int,
        past_of: Callable[[int], Past | None],
    ) -> tuple[torch.Tensor, bool, Plan] | None:
        """A run of the last positions alone, the earlier ones from the model's own cache.

        None where an edit may touch earlier positions, where it does not give the baseline's own
        bits, and for the first few runs of a prompt that could do with it.
        """
        n, first = traffic.shape[1], first_position(traffic, traffic.touched, keep)
        sizes = [rows for rows in _WINDOWS if rows >= n - first and 2 * rows <= n]
        if not sizes or keep is None or not traffic.edits or not self._has_windows(traffic):
            return None
        if any(record.left for record in baseline.records) or not baseline.wishes_for_a_past():
            return None
        for rows in sizes:
            what = f"window of {rows} in {n} from block {start}"
            past = None
            if not self.baselines.disproved(what):
                past = self._past(baseline, n - rows, past_of)
            if past is None:
                continue
            splice = Replayer(baseline.records, start, first=past.length)

            def proof(past: Past = past, splice: Splice = splice) -> bool:
                silent = WindowTraffic(self._silent(traffic), past)
                again = self._tried(forward, silent, keep, splice)
                return again is not None and torch.equal(
                    again, self._replayed(forward, traffic, keep, baseline)
                )

            if self.baselines.proved(what, 0, proof):
                return self._window(forward, traffic, keep, past, splice, start)
        return None

    def _window(
        self,
        forward: Forward,
        traffic: Traffic,
        keep: Sequence[int],
        past: Past,
        splice: Splice,
        start: int,
    ) -> tuple[torch.Tensor, bool, Plan] | None:
        window = WindowTraffic(traffic, past)
        try:
            logits, explicit = forward(window, keep, splice)
        except LooksBackError:
            return None
        traffic.adopt(window)
        blocks = len(self.ledger.blocks)
        return logits, explicit, Plan(start, blocks, 1, logits.shape[1], cached=past.length)

    def _past(
        self, baseline: Baseline, length: int, past_of: Callable[[int], Past | None]
    ) -> Past | None:
        """What the model remembers of the first positions; None when it cannot."""
        known = baseline.pasts.get(length)
        if known is not None or self.baselines.disproved(_NO_PAST):
            return known
        try:
            past = past_of(length)
        except (TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
            if ran_out(error):
                raise
            past = None
        if past is None:
            self.baselines.disprove(_NO_PAST)
            return None
        baseline.pasts.clear()
        baseline.pasts[length] = past
        self.baselines.fit(baseline.logits.device)
        return past

    def _has_windows(self, traffic: Traffic) -> bool:
        """Whether bits of a window can be those of the whole, as far as the ledger tells.

        They can in a single stack that attends backwards. How an expert's product is rounded
        depends on how many tokens it gets.
        """
        experts = any(
            write.kind == "mlp" and write.projection is None
            for block in self.ledger.blocks
            for write in block.writes
        )
        causal = [stack.attends for stack in self.ledger.stacks] == ["backwards"]
        apart = not self.ledger.coupled and not self.ledger.pooled
        return causal and apart and not experts and not self.extent.taps(traffic)

    def _last(self, traffic: Traffic) -> int:
        """The last block, where it can be the only one that is computed."""
        return 0 if self.extent.why_alone(traffic) else len(self.ledger.blocks) - 1

    def _last_block(
        self,
        forward: Forward,
        traffic: Traffic,
        keep: Sequence[int] | None,
        baseline: Baseline,
        narrow: Narrowing,
    ) -> torch.Tensor | None:
        """The baseline's logits from its last block, narrowed; None when that fails."""
        splices = Splices([Replayer(baseline.records, self._last(traffic)), narrow])
        return self._tried(forward, self._silent(traffic), keep, splices)

    def _silent(self, traffic: Traffic) -> Traffic:
        """One row with nothing edited, and the attention that `traffic` has."""
        taps = [site for site in self.extent.taps(traffic) if self.extent.route(traffic) != "own"]
        return Traffic((), frozenset(taps[:1]), (1, traffic.shape[1]))

    def _tried(
        self, forward: Forward, silent: Traffic, keep: Sequence[int] | None, splice: Splice
    ) -> torch.Tensor | None:
        """The logits of a run that may fail; None when it does."""
        try:
            return forward(silent, keep, splice)[0]
        except (TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
            if ran_out(error):
                raise
            return None  # a block that misses what earlier ones leave on the side

    def _record(
        self, forward: Forward, tokens: Tokens, traffic: Traffic, keep: Sequence[int] | None
    ) -> tuple[torch.Tensor, bool, Plan]:
        stamp, recorder = self.baselines.stamp(), Recorder(copies=self.baselines.copies)
        logits, explicit = forward(traffic, keep, recorder)
        records = recorder.take()
        self.baselines.copies = recorder.written
        if len(records) == len(self.ledger.blocks):
            positions = None if keep is None else tuple(keep)
            held = logits.clone() if logits.is_inference() else logits.detach()  # same version
            baseline = Baseline(records, held, positions, version_of(held))
            self.baselines.keep(tokens, self.extent.route(traffic), baseline, stamp)
        return logits, explicit, self.plan(logits, 0)
