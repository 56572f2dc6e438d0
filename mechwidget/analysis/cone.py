"""The cone: what can change when one thing at one position is changed.

A change at a position stays there until something mixes positions: attention, or a mixer whose
writes the ledger does not call an MLP's. From then on every later position may change, none
before it unless the stack attends both ways. The cone is what the architecture allows, not what
happens: a window or a pattern may keep part of it as it was.

In: a hooked model's ledger, a site and a position. Out: `Cone`, one truth value per stream site
and position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mechwidget.analysis.answering import answering_layers
from mechwidget.errors import SiteError
from mechwidget.models.prompts import from_start
from mechwidget.models.sites import CROSS, ELSEWHERE, LAYERED, missing_site, parse_site

if TYPE_CHECKING:
    import numpy.typing as npt

    from mechwidget.models import HookedModel, Site, SiteLike

_STREAM = ("resid_pre", "resid_mid", "resid_post")
_INSIDE_ATTENTION = ("k", "v")  # a key's change is seen by every later query
_AFTER_MIDDLE = ("mlp_in", "mlp_post", "mlp_out")
_MIXERS = ("attention", "other")


@dataclass(frozen=True, slots=True, eq=False)
class Cone:
    """What can change.

    Attributes:
        sites: the stream's sites in the stack that the change is in, in the order of computation.
            What another stack hears of it, it hears at all of its positions.
        reached: bool `[site, pos]`.
    """

    sites: tuple[Site, ...]
    reached: npt.NDArray[np.bool_]


def cone(model: HookedModel, site: SiteLike, position: int, n_positions: int) -> Cone:
    """What can change in the stream when `site` is changed at `position`.

    Args:
        model: whose ledger.
        site: a site of one layer, or "embed"; a pattern's position is its query.
        position: the token position, negative ones from the end.
        n_positions: the length of the prompt in the stack of that layer.

    Raises:
        SiteError: the model has no such site, or a layered site is given without its layer.
        PromptError: no such position.
    """
    start = parse_site(site)
    if start.layer is None and start.name in LAYERED:
        raise SiteError(f"{start} needs a layer.", f'Write ("{start.name}", 3).')
    if start not in model.sites:
        raise missing_site(start, model.sites)
    (here,) = from_start([position], n_positions)
    if start.name in ELSEWHERE:
        raise SiteError(f"{start} is at the positions of the stack that is attended to.")
    stack = model.stack_of(answering_layers(model)[0] if start.layer is None else start.layer)
    sites = tuple(s for s in model.sites if s.name in _STREAM and s.layer in stack.layers)
    reached = np.zeros((len(sites), n_positions), dtype=np.bool_)
    if start.name == "logits":
        return Cone(sites, reached)
    spread = start.name in _INSIDE_ATTENTION
    for row, each in enumerate(sites):
        if not _comes_after(each, start):
            continue
        spread = spread or _has_mixed(model, start, each)
        first = 0 if spread and stack.attends == "both ways" else here
        reached[row, first : n_positions if spread else here + 1] = True
    return Cone(sites, reached)


def _comes_after(site: Site, start: Site) -> bool:
    """Whether the stream at `site` can hold what was changed at `start`."""
    if start.layer is None:
        return True
    layer = site.layer or 0
    if layer != start.layer:
        return layer > start.layer
    if site.name == "resid_pre" or start.name in _STREAM:
        return _STREAM.index(site.name) >= (
            _STREAM.index(start.name) if start.name in _STREAM else 1
        )
    return site.name == "resid_post" or start.name not in _AFTER_MIDDLE


def _has_mixed(model: HookedModel, start: Site, site: Site) -> bool:
    """Whether positions were mixed in the layer of `site`, after `start` and before `site`."""
    layer = site.layer or 0
    if site.name == "resid_pre":
        return False
    writes = model.ledger.blocks[layer].writes
    if layer == start.layer and start.name == "resid_post":
        return False
    if layer == start.layer and start.name != "resid_pre":
        inside = "cross" if start.name.startswith(CROSS) else "attention"
        own = "mlp" if start.name in _AFTER_MIDDLE else inside
        made = [index for index, write in enumerate(writes) if write.kind == own]
        writes = writes[made[-1] + 1 :] if made else writes
    return any(write.kind in _MIXERS for write in writes)
