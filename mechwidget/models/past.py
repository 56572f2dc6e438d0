"""The past of a window: what the model's own cache holds of the positions before the first edit.

Where edits, reads and the logits looked at all lie at positions from p on, the positions before p
are what they are in the baseline. The model is called on the rest alone, with a copy of a cache
that it made itself of the tokens before. It has to be of keys and values alone: a scan that goes on
from a recurrent state adds up in another order, and that it gave the baseline's bits once says
nothing of other numbers. An edit still sees a tensor of all positions, of which the earlier ones
are made up: twice, with different numbers, so that one that looks at or touches them is found out
and computed in full. That a window gives the baseline's own bits is proved by `planner`.

In: a twin, token ids and traffic. Out: a `Past`, and `WindowTraffic`.
"""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.cache_layers import cache_layers
from mechwidget.models.calling import call_model, logits_of
from mechwidget.models.facts import input_device
from mechwidget.models.forward_source import ForwardSource
from mechwidget.models.sites import BY_QUERY
from mechwidget.models.traffic import Traffic
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.sites import Site
    from mechwidget.models.tokens import Tokens

_CACHE = "past_key_values"


class LooksBackError(RuntimeError):
    """An edit that depends on positions before the window."""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What a model remembers of the first positions of a prompt.

    Attributes:
        length: how many positions.
        cache: the model's own cache; never handed out itself, since calls write to it.
    """

    length: int
    cache: Any

    @property
    def n_bytes(self) -> int:
        """What it takes to remember it: the tensors of the layers of its cache."""
        parts = [self.cache, *getattr(self.cache, "layers", ())]
        held = (value for part in parts for value in getattr(part, "__dict__", {}).values())
        return sum(value.nbytes for value in held if isinstance(value, torch.Tensor))

    def call(self, twin: nn.Module, tokens: Tokens, _rows: int) -> torch.Tensor:
        """Logits `[1, pos, vocab]` of the tokens that follow, as a `Source` gives them."""
        ids = tokens.tensor(input_device(twin))[:, self.length :]
        return logits_of(twin(input_ids=ids, use_cache=True, **{_CACHE: copy.deepcopy(self.cache)}))


class _Prefix:
    """Calls a model on the first tokens, and keeps the cache that it gives."""

    def __init__(self, length: int) -> None:
        self._length = length
        self.cache: Any = None

    def call(self, twin: nn.Module, tokens: Tokens, _rows: int) -> torch.Tensor:
        """Logits of the first tokens."""
        ids = tokens.tensor(input_device(twin))[:, : self._length]
        output = twin(input_ids=ids, use_cache=True)
        self.cache = getattr(output, _CACHE, None)
        return logits_of(output)


def past_of(model: HookedModel, tokens: Tokens, length: int) -> Past | None:
    """What a model remembers of the first tokens; None when it has no cache that we know."""
    if not isinstance(model.source, ForwardSource):
        return None  # only its own source knows how it is called
    twin = make_twin(model.model)
    parameters = inspect.signature(twin.forward).parameters
    if not {"input_ids", _CACHE, "use_cache"} <= parameters.keys() or not tokens.ids:
        return None
    prefix = _Prefix(length)
    call_model(prefix, twin, tokens)
    return Past(length, prefix.cache) if _is_exact(prefix.cache, length) else None


def _is_exact(cache: Any, length: int) -> bool:
    try:
        layers = () if cache is None else cache_layers(cache, length)
    except UnsupportedModelError:
        return False
    return bool(layers) and not any(layer.states for layer in layers)


class WindowTraffic(Traffic):
    """Traffic of the positions from `past.length` on; its edits and reads count from 0 as ever."""

    def __init__(self, whole: Traffic, past: Past) -> None:
        n = whole.shape[1]
        super().__init__(
            whole.edits,
            whole.reads,
            (1, n - past.length),
            given=whole.given,
            read_at=whole.read_at,
            past=past,
            reach=whole.reach,
        )

    def pass_on(
        self, site: Site, tensor: torch.Tensor, exists: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What flows on from `site` at the positions of the window."""
        if site.name == "logits":
            return super().pass_on(site, tensor)
        if exists is not None:
            raise LooksBackError(f"the experts at {site} are chosen for every position at once")
        length = self.shape[1]
        before, shared = self._made_up(tensor, 0.0), self._shared_now()
        whole = super().pass_on(site, torch.cat((before, tensor), 1))
        after = whole[:, -length:]
        found = self._shared
        self._shared = shared  # as it was, for a second time
        looks_back = self._depends(site, tensor, after)
        self._shared = found
        if looks_back or not torch.equal(whole[:, :-length], before):
            raise LooksBackError(f"an edit at {site} needs the positions before it")
        return after

    def _depends(self, site: Site, tensor: torch.Tensor, edited: torch.Tensor) -> bool:
        """Whether other numbers at the earlier positions would have made a difference."""
        whole = torch.cat((self._made_up(tensor, 1.0), tensor), 1)
        for _, edit in self._by_site.get(site, ()):
            whole = self.applied(edit, whole)
        return not torch.equal(whole[:, -self.shape[1] :].to(tensor), edited)

    def _made_up(self, tensor: torch.Tensor, value: float) -> torch.Tensor:
        past = 0 if self.past is None else self.past.length
        return tensor.new_full((tensor.shape[0], past, *tensor.shape[2:]), value)


def first_position(
    traffic: Traffic, touched: Sequence[int] | None, keep: Sequence[int] | None
) -> int:
    """The first position that a run has to compute: 0 where it cannot do with less.

    Args:
        traffic: of the run.
        touched: the positions that its interventions name; None when one of them names none.
        keep: the positions whose logits are computed; None is all.
    """
    if touched is None or keep is None or any(site.name in BY_QUERY for site in traffic.sites):
        return 0
    if traffic.reads and traffic.read_at is None:
        return 0
    return min((*touched, *keep, *(traffic.read_at or ())), default=0)
