"""What the attention of a layer makes of streams that no prompt gives: its q, k and v, by calling.

Each stream is a row of its own with the same vector at every position, so that no stream sees
another and q can be read at any distance from k. Blocks before the first layer are answered from
memory and nothing after the last head's z is computed: asking one layer costs one layer.

In: a hooked model, layers, streams `[n, d]`. Out: `AttentionReading`s by layer. Whether the maps
from stream to q, k and v are linear is for `head_maps` to find out; here they need not be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.put import Put
from mechwidget.models import Site
from mechwidget.models.bindings import bind
from mechwidget.models.edit import Edit
from mechwidget.models.forward_pass import ForwardPass
from mechwidget.models.replay import Recorder, Replayer
from mechwidget.models.traffic import Traffic, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mechwidget.models import HookedModel
    from mechwidget.models.planner import Forward
    from mechwidget.models.replay import Record, Splice

_POSITIONS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class AttentionReading:
    """The heads of one layer on some streams.

    Attributes:
        q: float32 `[stream, head, d_head]`; None where the model shows no queries and keys.
        k: the same; heads that share a k/v head have the same ones.
        v: float32 `[stream, head, d_head]`, what a head hands on that attends to itself alone.
    """

    q: torch.Tensor | None
    k: torch.Tensor | None
    v: torch.Tensor


class _EnoughError(Exception):
    """All that was wanted of this forward pass has been seen."""


class _Until(Traffic):
    """Traffic that ends the forward pass at a site."""

    last: Site | None = None

    def pass_on(
        self, site: Site, tensor: torch.Tensor, exists: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What flows on from `site`, unless it is the last one."""
        tensor = super().pass_on(site, tensor, exists)
        if site == self.last:
            raise _EnoughError
        return tensor


def read_attention(
    model: HookedModel,
    layers: Sequence[int],
    streams: torch.Tensor,
    *,
    distance: int = 0,
    values_only: bool = False,
    cancelled: Callable[[], bool] | None = None,
) -> dict[int, AttentionReading]:
    """What the heads of some layers make of streams.

    Args:
        model: whose.
        layers: which, in ascending order.
        streams: `[n, d]`, what the residual stream holds before each of these layers.
        distance: how many positions q stands after k.
        values_only: leave q and k out.
        cancelled: asked before every block; True raises `CancelledError`.
    """
    first, last = layers[0], layers[-1]
    names = ("z",) if values_only else ("q", "k", "z")
    at_once = max(1, _POSITIONS_AT_ONCE // (distance + 1))
    size = 1 if model.ledger.coupled else at_once
    with model.lock:
        forward = _forward(model, distance + 1, cancelled)
        records = _records(forward, first, distance + 1)
        found: dict[int, list[AttentionReading]] = {layer: [] for layer in layers}
        for rows in torch.split(streams, size):
            traffic = _traffic(
                model, [Site(name, layer) for name in names for layer in layers], rows, distance
            )
            traffic.last = Site("z", last)
            _run(forward, traffic, Replayer(records, first, len(rows)) if records else None)
            kept = traffic.take()
            for layer in layers:
                found[layer].append(_reading(model, kept, layer))
    return {layer: _joined(parts) for layer, parts in found.items()}


def read_scores(
    model: HookedModel,
    layer: int,
    products: Sequence[float],
    *,
    cancelled: Callable[[], bool] | None = None,
) -> torch.Tensor:
    """The scores `[product, head]` of a layer that shows q and k, where q · k is such a number."""
    site, found = Site("scores", layer), []
    with model.lock:
        forward = _forward(model, 1, cancelled)
        records = _records(forward, layer, 1)
        for product in products:
            edits = [
                Edit(Site(name, layer), partial(_first_number, number))
                for name, number in (("q", product), ("k", 1.0))
            ]
            traffic = _Until(in_order([edits]), frozenset({site}), (1, 1))
            traffic.last = site
            _run(forward, traffic, Replayer(records, layer) if records else None)
            found.append(traffic.take()[site][0, :, 0, 0].float())
    return torch.stack(found)


def _first_number(number: float, carried: torch.Tensor) -> torch.Tensor:
    """Vectors of which the first number is given and all others are 0."""
    made = torch.zeros_like(carried)
    made[..., 0] = number
    return made


def _forward(model: HookedModel, n: int, cancelled: Callable[[], bool] | None) -> Forward:
    call = ForwardPass(model.model, model.source, model.ledger, bind(model.ledger))
    return call.of(model.tokenize([0] * n), cancelled)


def _records(forward: Forward, first: int, n: int) -> tuple[Record, ...]:
    """What the blocks before `first` return, whatever it is: their shapes are what is needed."""
    if first == 0:
        return ()
    recorder, entry = Recorder(), Site("resid_pre", first)
    traffic = _Until((), frozenset({entry}), (1, n))
    traffic.last = entry
    _run(forward, traffic, recorder)
    return recorder.take()[:first]


def _run(forward: Forward, traffic: _Until, splice: Splice | None) -> None:
    try:
        forward(traffic, None, splice)
    except _EnoughError:
        traffic.fired()  # raises where something was not passed


def _traffic(
    model: HookedModel, wanted: Sequence[Site], rows: torch.Tensor, distance: int
) -> _Until:
    n = distance + 1
    layers = {site.layer for site in wanted}
    values = {Site("resid_pre", layer): rows[:, None] for layer in layers}
    values |= {Site("pattern", layer): torch.eye(n) for layer in layers}
    reads = frozenset(site for site in wanted if site in model.sites)
    edits = in_order([Put(values).edits(model, n)])
    return _Until(edits, reads, (len(rows), n), read_at=[0, distance])


def _reading(model: HookedModel, kept: Mapping[Site, torch.Tensor], layer: int) -> AttentionReading:
    q, k = (kept.get(Site(name, layer)) for name in ("q", "k"))
    if q is not None and k is not None:
        k = k.repeat_interleave(model.n_heads(layer) // k.shape[2], 2)
        q, k = q[:, 1].float(), k[:, 0].float()
    return AttentionReading(q, k, kept[Site("z", layer)][:, 0].float())


def _joined(parts: Sequence[AttentionReading]) -> AttentionReading:
    q, k = (
        None if any(one is None for one in found) else torch.cat(found)  # type: ignore[arg-type]
        for found in ([part.q for part in parts], [part.k for part in parts])
    )
    return AttentionReading(q, k, torch.cat([part.v for part in parts]))
