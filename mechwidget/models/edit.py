"""What an intervention becomes for one run, and what a run needs from an intervention.

In: nothing. Out: `Edit`, the unit of change, and the `Intervention` protocol; the models folder
knows no intervention by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    import torch

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens


@dataclass(frozen=True)
class Edit:
    """A change of the tensor that flows through one site.

    Edits of one site run in the order of the list of interventions, each on what the one before
    it left; across sites the model's own order of computation rules.

    Attributes:
        site: where.
        apply: given the tensor `[batch, pos, ...]` and what `sources` held at the same site,
            returns what flows on instead: same shape, and never its argument changed in place.
        sources: the prompts of other runs, without interventions, that `apply` needs; None is
            the prompt of this very run. They are run before it, inside the same lock.
        looks: it changes nothing, and is shown what flows on after every edit of the site;
            what `apply` returns is not used.
        shares: what it has in common with other edits of its list. Those with an equal one are
            also given one and the same dictionary, last, which starts empty with each pass and is
            theirs to write to. None shares nothing.
        idle: why nothing changed, should that be so.
        absent: why not, should what it would change not be there in this run.
    """

    site: Site
    apply: Callable[..., torch.Tensor]
    sources: tuple[Tokens | None, ...] = ()
    looks: bool = False
    shares: Hashable = None
    idle: str = "what flows there was already what this puts there"
    absent: str = "what it changes is not there in this run"


class Intervention(Protocol):
    """Anything that can say which edits it makes to a model over a prompt of some length.

    In a generation with a cache the model computes a window of positions at a time. An intervention
    with a method `edits_at(model, window)` is asked for its edits there, and may say with
    `prompt_only` that it has none beyond the prompt; for one without, a generation recomputes
    the whole text with every token.
    """

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """The edits of one run; raises a `MechwidgetError` when the model cannot have them."""
        ...
