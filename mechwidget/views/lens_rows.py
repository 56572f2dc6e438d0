"""The rows of a lens: which streams of the model are read, and how far a change of each can reach.

In flows a hooked model and what a page wants to see of its depth. Out flow sites in the order of
computation, the last of them what the model answers from, and cones in the few numbers that a page
needs to draw them at any position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.analysis import cone
from mechwidget.analysis.answering import answering_layers, require_answers
from mechwidget.models import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.models import HookedModel
    from mechwidget.wire import Arguments

Json = dict[str, Any]

_HERE, _POSITIONS = 1, 3  # one position in the middle tells before, here and after apart


def rows_of(model: HookedModel, *, sublayers: bool, every: int = 1) -> tuple[Site, ...]:
    """The stream before the first layer, and after layers (and attentions) up to the last.

    Args:
        model: whose.
        sublayers: also between attention and MLP, where the model has a stream there.
        every: one layer in so many, counted back from the last.

    Raises:
        UnsupportedModelError: no stream of it meets an answer at each position.
    """
    layers = require_answers(model, "logit lens")
    kept = [layer for layer in layers if (layers[-1] - layer) % every == 0]
    names = ("resid_mid", "resid_post") if sublayers else ("resid_post",)
    have = set(model.sites)
    after = [site for layer in kept for name in names if (site := Site(name, layer)) in have]
    return (Site("resid_pre", layers[0]), *after)


def asked_rows(model: HookedModel, args: Arguments) -> tuple[Site, ...]:
    """The rows that a page asks for by `sublayers` and `every`."""
    most = max(1, len(answering_layers(model)))
    every = args.integer("every", 1, most)
    return rows_of(model, sublayers=args.boolean("sublayers"), every=every)


def row_json(site: Site) -> Json:
    """A row in the words of `Residual`: its layer, and "pre", "mid" or "post"."""
    return {"layer": site.layer, "end": site.name.removeprefix("resid_")}


def cones_json(model: HookedModel, rows: Sequence[Site]) -> list[Json]:
    """Per row, how far a change of it at one position can reach among these rows.

    `spread` is the first row in which it can reach other positions too (as many as there are rows
    where it never does): the later ones, or all of them where `both_ways`. In the rows before that,
    from its own on, it reaches its own position only.
    """
    return [_cone_json(model, site, rows) for site in rows]


def _cone_json(model: HookedModel, start: Site, rows: Sequence[Site]) -> Json:
    found = cone(model, start, _HERE, _POSITIONS)
    reached = dict(zip(found.sites, found.reached, strict=True))
    nothing = np.zeros(_POSITIONS, dtype=np.bool_)
    shown = [reached.get(site, nothing) for site in rows]
    spread = next((i for i, row in enumerate(shown) if row[_HERE + 1]), len(rows))
    return {"spread": spread, "both_ways": any(bool(row[_HERE - 1]) for row in shown)}
