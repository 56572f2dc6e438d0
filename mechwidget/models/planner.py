"""The planner: how much of a run can be replayed from its prompt's baseline.

In: what a run edits and reads, and what is remembered. Out: the logits, and a `Plan` that says how
they came about. A run replays only from layers where it was proved, on this very model, that a
replay with no edit gives the baseline's logits bit for bit; anything else is computed in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from mechwidget.models.baselines import Baseline, Baselines, Route
from mechwidget.models.bindings import EXPERTS
from mechwidget.models.budget import ran_out
from mechwidget.models.plan import Plan
from mechwidget.models.replay import Recorder, Replayer
from mechwidget.models.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mechwidget.models.bindings import Binding
    from mechwidget.models.ledger import Ledger
    from mechwidget.models.replay import Splice
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens


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
        bindings: where its sites are.
        baselines: what is remembered.
        switches: whether reading patterns switches the attention of the whole model.
    """

    ledger: Ledger
    bindings: Mapping[Site, Binding]
    baselines: Baselines
    switches: bool

    def run(
        self,
        forward: Forward,
        tokens: Tokens,
        traffic: Traffic,
        keep: Sequence[int] | None,
        *,
        replay: bool = True,
    ) -> tuple[torch.Tensor, bool, Plan]:
        """One row: replayed as far as possible, and remembered if nothing is edited."""
        why = "" if replay else "replay is off"
        why = why or self.baselines.why_not() or self.why_alone(traffic)
        baseline = None if why else self.baselines.get(tokens, self.route(traffic))
        if why or (baseline is None and traffic.edits):
            why = why or "no baseline of this prompt is remembered"
        elif baseline is None:
            return self._record(forward, tokens, traffic, keep)
        start = 0 if baseline is None else self.start(traffic)
        if baseline is not None and start and not self.provable(forward, traffic, baseline, start):
            start, why = 0, f"replaying {start} blocks did not give the baseline's own logits"
        splice = Replayer(baseline.records, start) if baseline is not None and start else None
        logits, explicit = forward(traffic, keep, splice)
        return logits, explicit, self.plan(logits, start, why)

    def is_baseline(
        self,
        tokens: Tokens,
        traffic: Traffic,
        keep: Sequence[int] | None,
        logits: torch.Tensor,
    ) -> bool:
        """Whether these logits of a run with edits are those that are remembered without any."""
        if not traffic.edits:
            return False
        known = self.baselines.get(tokens, self.route(traffic))
        if known is None:
            return False
        if known.positions is None:
            held = known.logits if keep is None else known.logits[:, list(keep)]
            return torch.equal(held, logits)
        return keep is not None and known.positions == tuple(keep) and known.logits.equal(logits)

    def plan(self, logits: torch.Tensor, start: int, why: str = "", rows: int = 1) -> Plan:
        """The plan of a run that replayed `start` blocks."""
        return Plan(start, len(self.ledger.blocks), rows, logits.shape[1], why)

    def route(self, traffic: Traffic) -> Route:
        """Whose attention and experts a run has."""
        taps = self.taps(traffic)
        if any(site.name in EXPERTS for site in taps):
            return "ours with experts"
        return "ours" if self.switches and taps else "own"

    def start(self, traffic: Traffic) -> int:
        """The number of blocks that may be skipped: all before the first edit or read."""
        edited = (self.edited_from(edit.site) for _, edit in traffic.edits)
        read = (self._read_from(site) for site in traffic.reads)
        return min((*edited, *read), default=len(self.ledger.blocks))

    def why_alone(self, traffic: Traffic) -> str:
        """Why a run cannot have to do with a baseline; empty when it can."""
        if not self.switches and any(site.name not in EXPERTS for site in self.taps(traffic)):
            return "its attention is tapped layer by layer"
        inner = {
            binding.place.module
            for binding in self.bindings.values()
            if binding.place is not None
            and binding.place.nth
            and binding.end != "result"
            and binding.place not in [block.place for block in self.ledger.blocks]
        }
        places = (self.bindings[site].place for site in traffic.sites)
        if any(place is not None and place.module in inner for place in places):
            return "several layers share the module that is looked at"
        return ""

    def provable(self, forward: Forward, traffic: Traffic, baseline: Baseline, start: int) -> bool:
        """Whether replaying `start` blocks and editing nothing gives the baseline's logits."""
        route = self.route(traffic)
        taps = [site for site in self.taps(traffic) if route != "own"]

        def proof() -> bool:
            silent = Traffic((), frozenset(taps[:1]), (1, traffic.shape[1]))
            try:
                again, _ = forward(silent, baseline.positions, Replayer(baseline.records, start))
            except (TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
                if ran_out(error):
                    raise
                return False  # a block that misses what earlier ones leave on the side
            return torch.equal(again, baseline.logits)

        return self.baselines.proved(route, start, proof)

    def _record(
        self, forward: Forward, tokens: Tokens, traffic: Traffic, keep: Sequence[int] | None
    ) -> tuple[torch.Tensor, bool, Plan]:
        stamp, recorder = self.baselines.stamp(), Recorder()
        logits, explicit = forward(traffic, keep, recorder)
        records = recorder.take()
        if len(records) == len(self.ledger.blocks):
            positions = None if keep is None else tuple(keep)
            baseline = Baseline(records, logits.detach().clone(), positions)
            self.baselines.keep(tokens, self.route(traffic), baseline, stamp)
        return logits, explicit, self.plan(logits, 0)

    def taps(self, traffic: Traffic) -> list[Site]:
        """The sites inside attention and experts that a run looks at, experts first."""
        return sorted(site for site in traffic.sites if self.bindings[site].end == "tap")

    def edited_from(self, site: Site) -> int:
        """The first block that has to be computed when `site` is edited."""
        binding = self.bindings[site]
        if binding.end == "result" or (binding.end == "scale" and site.layer is None):
            return len(self.ledger.blocks)
        if site.layer is None:
            return 0
        after = binding.end == "output" and self._is_block(binding)
        return site.layer + 1 if after else site.layer

    def _read_from(self, site: Site) -> int:
        """The first block that has to be computed for `site` to come by."""
        binding = self.bindings[site]
        outside = binding.end == "result" or site.layer is None
        if outside or (binding.end in ("input", "output") and self._is_block(binding)):
            return len(self.ledger.blocks)
        return site.layer or 0

    def _is_block(self, binding: Binding) -> bool:
        layer = binding.site.layer
        return layer is not None and binding.place == self.ledger.blocks[layer].place
