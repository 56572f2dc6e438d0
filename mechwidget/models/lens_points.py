"""Hook points under TransformerLens's names, where the ledger could not tell what passes there.

A bridge, a model of TransformerLens's own and many a toy have them: `blocks.3.attn.hook_z`. What
was traced stays as it was; a hook point only fills a gap, and only after the checks of `naming`.
Queries and keys are those that are multiplied with each other, after a rotary embedding if there
is one.

In: the module as a person knows it, the one that runs, and its ledger. Out: wishes, the likeliest
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from mechwidget.models.bindings import bind
from mechwidget.models.ledger import Place
from mechwidget.models.name_checks import PER_HEAD, Wish
from mechwidget.models.sites import Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mechwidget.models.ledger import Ledger

_POINTS = {
    "q": ("attn.hook_rot_q", "attn.hook_q"),
    "k": ("attn.hook_rot_k", "attn.hook_k"),
    "v": ("attn.hook_v",),
    "scores": ("attn.hook_attn_scores",),
    "pattern": ("attn.hook_pattern",),
    "z": ("attn.hook_z",),
    "mlp_post": ("mlp.hook_post",),
}


def hook_points(outside: nn.Module, module: nn.Module, ledger: Ledger) -> Iterator[Wish]:
    """The hook points of `outside` that may be sites which the ledger of `module` lacks."""
    blocks = _inside(outside, "blocks")
    if blocks is None:
        return
    known, names = bind(ledger), {id(each): name for name, each in module.named_modules()}
    for layer, block in enumerate(ledger.blocks):
        for name, points in _POINTS.items():
            site = Site(name, layer)
            for point in points if site not in known else ():
                place = names.get(id(_inside(blocks, f"{layer}.{point}")))
                if place is not None:
                    heads = 0 if block.attention is None else block.attention.heads
                    heads = _heads(outside, name, heads) if outside is not module else 0
                    yield from _layouts(site, Place(place), heads)


def _layouts(site: Site, place: Place, heads: int) -> Iterator[Wish]:
    """A bridge shows its user's hooks the site's shape, whatever passes underneath."""
    yield Wish(site, place)
    if site.name in PER_HEAD and heads:
        yield Wish(site, place, "heads first")
        yield Wish(site, place, "flat", heads)


def _heads(outside: nn.Module, name: str, heads: int) -> int:
    """How many heads pass: fewer keys and values than queries, where a config says so."""
    shared = getattr(getattr(outside, "cfg", None), "n_key_value_heads", None)
    return shared if name in ("k", "v") and isinstance(shared, int) and shared else heads


def _inside(root: Any, path: str) -> Any:
    for part in path.split("."):
        root = getattr(root, part, None)
    return root if isinstance(root, nn.Module) else None
