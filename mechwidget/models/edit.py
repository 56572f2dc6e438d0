"""What an intervention becomes for one run, and what a run needs from an intervention.

In: nothing. Out: `Edit`, the unit of change, and the `Intervention` protocol; the models folder
knows no intervention by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.sites import Site


@dataclass(frozen=True)
class Edit:
    """A change of the tensor that flows through one site.

    Attributes:
        site: where.
        apply: given the tensor `[batch, pos, ...]`, returns what flows on instead: same shape,
            and never its argument changed in place.
    """

    site: Site
    apply: Callable[[torch.Tensor], torch.Tensor]


class Intervention(Protocol):
    """Anything that can say which edits it makes to a model over a prompt of some length."""

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """The edits of one run; raises a `MechwidgetError` when the model cannot have them."""
        ...
