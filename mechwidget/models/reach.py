"""Whether a change somewhere can be seen in the logits that a run looks at.

Two things are certain: where no position hears of a later one, a change at some positions reaches
no logits of earlier ones; and behind the last attention every position is on its own. What cannot
be ruled out is not claimed.

In: a ledger, and the positions whose logits are computed. Out: a reason why not, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.models.sites import BY_QUERY, ELSEWHERE, FINAL_NORM_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.models.ledger import Block, Ledger, Stack, Write
    from mechwidget.models.sites import Site

# Sites of a block from which positions no longer meet inside it.
_PAST_MIXING = (
    *("q", "scores", "pattern", "z", "attn_out", "resid_mid"),
    *("mlp_in", "mlp_post", "experts", "expert_weights", "expert_post", "mlp_out", "resid_post"),
)
_SHOWN = 6


def position_axis(site: Site) -> int:
    """The axis of a site's tensor along which positions lie that a change there moves first."""
    return 2 if site.name in BY_QUERY else 1


@dataclass(frozen=True, slots=True)
class Reach:
    """What a run looks at.

    Attributes:
        ledger: the model's blocks.
        looked_at: the positions whose logits it computes.
    """

    ledger: Ledger
    looked_at: Sequence[int]

    def why_not(self, site: Site, changed: Sequence[int]) -> str:
        """Why a change at these positions of a site cannot be in the logits; empty if it can."""
        stack = self._stack_of(site)
        if stack is None or not changed or not self.looked_at or self.ledger.pooled:
            return ""
        if stack.attends == "backwards" and min(changed) > max(self.looked_at):
            return f"the logits looked at are of earlier positions than {_named(changed)}"
        if self._stays_apart(site, stack) and not set(changed) & set(self.looked_at):
            return f"past the last attention, {_named(changed)} reaches its own logits only"
        return ""

    def _stack_of(self, site: Site) -> Stack | None:
        """The stack that the positions of a site are of, where the logits are at them too."""
        if site.name in ELSEWHERE:
            return None
        main = [stack for stack in self.ledger.stacks if stack.main]
        if len(main) != 1:
            return None
        return main[0] if site.layer is None or site.layer in main[0].layers else None

    def _stays_apart(self, site: Site, stack: Stack) -> bool:
        """Whether what happens at one position of a site stays at that position."""
        if site.name in (FINAL_NORM_SCALE, "logits"):
            return True
        if site.layer != stack.layers[-1] or site.name not in _PAST_MIXING:
            return False
        return site.name == "resid_post" or _is_plain(self.ledger.blocks[site.layer])


def _is_plain(block: Block) -> bool:
    """Whether attention alone mixes positions in a block, and nothing does after it."""
    return block.additive and all(map(_is_alone, block.writes))


def _is_alone(write: Write) -> bool:
    """Whether nothing stands between a projection and the stream that could mix positions."""
    if write.kind == "bias":
        return True
    if write.kind == "other":
        return False
    direct = write.post_norm or write.at == write.projection
    return direct or (write.kind == "mlp" and write.projection is None)


def _named(positions: Sequence[int]) -> str:
    shown = ", ".join(map(str, positions[:_SHOWN]))
    more = " …" if len(positions) > _SHOWN else ""
    return f"position{'s' if len(positions) > 1 else ''} {shown}{more}"
