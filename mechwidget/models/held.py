"""What other prompts' runs held, so that a mean over a hundred of them is not run at every click.

In: activations of runs without interventions, by prompt and site. Out: the same, for as long as the
model is what it was then, within a share of the budget of bytes for baselines.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from mechwidget.models.baselines import Baselines
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens

    Key: TypeAlias = "tuple[Tokens, frozenset[Site], Site]"

_SHARE = 4  # of the budget for baselines: they save more
_OBJECT = 1024  # bytes: what a tensor takes beside its numbers, about


class Held:
    """The memory of one model. Whoever uses it holds the model's lock."""

    def __init__(self, baselines: Baselines) -> None:
        self._baselines = baselines  # whose budget this is a share of
        self._version: int | None = None
        self._entries: OrderedDict[Key, torch.Tensor] = OrderedDict()
        self._bytes = 0

    def look(self, version: int | None) -> None:
        """The model is of this version now; None: nobody can say, so nothing holds."""
        if version is None or version != self._version:
            self._entries.clear()
            self._bytes = 0
        self._version = version

    def get(
        self, tokens: Tokens, explicit: frozenset[Site], sites: Iterable[Site]
    ) -> dict[Site, torch.Tensor] | None:
        """What a prompt's run held at these sites; None unless all of them are known.

        `explicit`: the sites where its attention was computed explicitly.
        """
        found = {site: self._entries.get((tokens, explicit, site)) for site in sites}
        if any(tensor is None for tensor in found.values()):
            return None
        for site in found:
            self._entries.move_to_end((tokens, explicit, site))
        return {site: tensor for site, tensor in found.items() if tensor is not None}

    def keep(
        self, tokens: Tokens, explicit: frozenset[Site], held: dict[Site, torch.Tensor]
    ) -> None:
        """Remember what a run held; what was used longest ago makes room for it."""
        if self._version is None:
            return
        for site, tensor in held.items():
            most = self._baselines.budget.to_remember(tensor.device) // _SHARE
            key = (tokens, explicit, site)
            if key in self._entries or _cost(tensor) > most:
                continue
            self._entries[key] = tensor
            self._bytes += _cost(tensor)
            while self._bytes > most:
                self._bytes -= _cost(self._entries.popitem(last=False)[1])


def _cost(tensor: torch.Tensor) -> int:
    return tensor.nbytes + _OBJECT
