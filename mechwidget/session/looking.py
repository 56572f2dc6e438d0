"""Looking at what flows through a run as it comes past, without keeping it, and no further.

In: what to show which site's tensor to. Out: something that goes into the list of interventions of
a run and changes nothing; and a run that ends as soon as everything was seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mechwidget.errors import CancelledError
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel, Tokens
    from mechwidget.models.sites import Site


@dataclass(frozen=True, slots=True, eq=False)
class Looking:
    """Shows what flows at some sites, after every edit there, to those who want to see it."""

    at: Mapping[Site, Callable[[torch.Tensor], None]]
    seen: set[Site] = field(default_factory=set)

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:  # noqa: ARG002 - the protocol
        """One look per site."""
        return [Edit(site, self._look(site), looks=True) for site in self.at]

    def _look(self, site: Site) -> Callable[[torch.Tensor], torch.Tensor]:
        def look(tensor: torch.Tensor) -> torch.Tensor:
            self.at[site](tensor)
            self.seen.add(site)
            return tensor

        return look

    @property
    def done(self) -> bool:
        """Whether everything was seen."""
        return len(self.seen) == len(self.at)


def look_at(
    model: HookedModel,
    tokens: Tokens,
    interventions: Sequence[Intervention],
    at: Mapping[Site, Callable[[torch.Tensor], None]],
    cancelled: Callable[[], bool],
) -> None:
    """Run until every one of the sites was seen; the blocks after it are not computed.

    Raises:
        CancelledError: `cancelled()` became true before that.
    """
    looking = Looking(at)
    try:
        model.run(
            tokens,
            [*interventions, looking],
            positions=[len(tokens) - 1],
            cancelled=lambda: looking.done or cancelled(),
        )
    except CancelledError:
        if not looking.done:
            raise
