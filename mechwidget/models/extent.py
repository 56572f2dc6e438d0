"""The extent of a run: the blocks that it has to do with, and whose functions it has.

In: what a run edits and reads, and where the sites are. Out: the first block that has to be
computed, where its row may join a batch, and why it may have nothing to do with a baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.models.bindings import EXPERTS
from mechwidget.models.joining import Join
from mechwidget.models.sites import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mechwidget.models.baselines import Route
    from mechwidget.models.bindings import Binding
    from mechwidget.models.ledger import Ledger
    from mechwidget.models.traffic import Traffic

_AFTER_A_BLOCK, _BEFORE_A_BLOCK, _INSIDE, _AFTER_BLOCKS = range(4)  # ranks of `Join`


@dataclass(frozen=True, slots=True)
class Extent:
    """Tells for one model how far runs extend.

    Attributes:
        ledger: its blocks.
        bindings: where its sites are.
        switches: whether reading patterns switches the attention of the whole model.
    """

    ledger: Ledger
    bindings: Mapping[Site, Binding]
    switches: bool

    def route(self, traffic: Traffic) -> Route:
        """Whose attention and experts a run has."""
        taps = self.taps(traffic)
        if any(site.name in EXPERTS for site in taps):
            return "ours with experts"
        return "ours" if self.switches and taps else "own"

    def taps(self, traffic: Traffic) -> list[Site]:
        """The sites inside attention and experts that a run looks at, experts first."""
        return sorted(site for site in traffic.sites if self.bindings[site].end == "tap")

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

    def start(self, traffic: Traffic) -> int:
        """The number of blocks that may be skipped: all before the first edit or read."""
        edited = (self.edited_from(edit.site) for _, edit in traffic.edits)
        read = (self._read_from(site) for site in traffic.reads)
        return min((*edited, *read), default=len(self.ledger.blocks))

    def join(self, traffic: Traffic) -> Join:
        """Where the row of a variant first differs from the baseline."""
        last = Join(len(self.ledger.blocks), _AFTER_BLOCKS, Site("logits"))
        late = not self.taps(traffic)
        return min((self._join(edit.site, late=late) for _, edit in traffic.edits), default=last)

    def _join(self, site: Site, *, late: bool) -> Join:
        binding, layer = self.bindings[site], self.edited_from(site)
        if binding.end == "result":
            return Join(layer, _AFTER_BLOCKS, site)
        if site.layer is None or layer > site.layer:
            return Join(layer, _AFTER_A_BLOCK, site)
        if self._is_block(binding):
            return Join(layer, _BEFORE_A_BLOCK, site)
        return Join(layer, _INSIDE, late=late and binding.end in ("input", "output", "middle"))

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
