"""Where each site of a model is: which module, on which side, in which shape.

In: a ledger. Out: one `Binding` per site that the ledger proves; what it does not prove is not
there, and asking for it is a `SiteError`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mechwidget.models.sites import CROSS, FINAL_NORM_SCALE, NAMES, NORM_SCALES, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mechwidget.models.ledger import Attention, Block, Layout, Ledger, Place, Route, Write

End = Literal["input", "output", "middle", "tap", "scale", "result"]

_TAPS: dict[Route, tuple[str, ...]] = {
    "interface": ("q", "k", "v", "scores", "pattern"),
    "softmax": ("scores", "pattern"),
    "hidden": (),
}
EXPERTS = ("experts", "expert_weights", "expert_post")
TAPPED = (
    *_TAPS["interface"],
    *(CROSS + name for name in _TAPS["interface"]),
    *EXPERTS,
)  # the sites whose use makes a run compute attention explicitly


@dataclass(frozen=True, slots=True)
class Binding:
    """The place of one site.

    Attributes:
        site: which.
        place: the module call that carries it; None for the logits.
        end: its input or its output, the stream right after its output is added ("middle"), a
            tap inside it, what it divides by, being a norm ("scale"), or the result of the whole
            forward.
        heads: when not 0, the last axis is split into so many heads.
        factor: what the module's output is multiplied by to be what the stream receives.
        layout: how the axes of a site that somebody named lie; None for those that were traced.
    """

    site: Site
    place: Place | None
    end: End
    heads: int = 0
    factor: float = 1.0
    layout: Layout | None = None


def bind(ledger: Ledger) -> dict[Site, Binding]:
    """Every site of a model, layer by layer, in the order of `sites.NAMES`."""
    found: list[Binding] = []
    if ledger.embed is not None:
        found.append(Binding(Site("embed"), ledger.embed, "output"))
    for layer, block in enumerate(ledger.blocks):
        found += _block(layer, block)
    final = ledger.final_norm
    if final is not None and not any(final in block.norms for block in ledger.blocks):
        found.append(Binding(Site(FINAL_NORM_SCALE), final, "scale"))
    found.append(Binding(Site("logits"), None, "result"))
    found += [Binding(n.site, n.place, "output", n.heads, layout=n.layout) for n in ledger.named]
    return {binding.site: binding for binding in sorted(found, key=_order)}


def _order(binding: Binding) -> tuple[int, int]:
    """Layer by layer as they run, and within a layer as `sites` lists them."""
    site = binding.site
    ends = {"embed": -1, FINAL_NORM_SCALE: sys.maxsize, "logits": sys.maxsize}
    layer = ends[site.name] if site.layer is None else site.layer
    return layer, NAMES.index(site.name)


def _block(layer: int, block: Block) -> Iterator[Binding]:
    yield Binding(Site("resid_pre", layer), block.place, "input")
    for name, norm in zip(NORM_SCALES, block.norms, strict=False):
        yield Binding(Site(name, layer), norm, "scale")
    attention = block.write("attention")
    yield from _attention(layer, block, attention, block.attention, "")
    written = None if attention is None or not block.sequential else attention.at
    if attention is not None and written is not None and block.additive:
        yield Binding(Site("resid_mid", layer), written, "middle", factor=attention.factor)
    yield from _attention(layer, block, block.write("cross"), block.cross, CROSS)
    yield from _mlp(layer, block)
    yield Binding(Site("resid_post", layer), block.place, "output")


def _mlp(layer: int, block: Block) -> Iterator[Binding]:
    write = block.write("mlp")
    if write is not None and write.entry is not None:
        yield Binding(Site("mlp_in", layer), write.entry, "input")
    if block.experts is not None:
        for name in EXPERTS:
            yield Binding(Site(name, layer), block.experts.place, "tap")
    if write is not None and write.projection is not None:
        yield Binding(Site("mlp_post", layer), write.projection, "input")
    if write is not None and write.at is not None:
        yield _out("mlp_out", layer, write)


def _attention(
    layer: int, block: Block, write: Write | None, attention: Attention | None, prefix: str
) -> Iterator[Binding]:
    """From queries to what is written, of the attention to its own stack or to another."""
    if attention is not None:
        for name in _TAPS[attention.route]:
            yield Binding(Site(prefix + name, layer), attention.place, "tap", attention.heads)
    heads = heads_of(block, cross=bool(prefix))
    if write is not None and heads:
        yield Binding(Site(f"{prefix}z", layer), write.projection, "input", heads)
    if write is not None and write.at is not None:
        yield _out(f"{prefix}attn_out", layer, write)


def heads_of(block: Block, *, cross: bool = False) -> int:
    """The number of heads whose z the ledger can tell apart."""
    write = block.write("cross" if cross else "attention")
    attention = block.cross if cross else block.attention
    if attention is None or write is None or not write.width:
        return 0
    return 0 if write.width % attention.heads else attention.heads


def _out(name: str, layer: int, write: Write) -> Binding:
    return Binding(Site(name, layer), write.at, "output", factor=write.factor)
