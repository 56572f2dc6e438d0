"""Sites that a person names: the modules whose output is z, a pattern, and so on.

A toy transformer written with einsum over parameters of its own has no linear module whose input
could be z, but it often has a module (a hook point) that every such activation passes. Naming it
makes it a site; what is not named stays as it was traced.

In: a ledger, the module, and templates such as `{"z": "blocks.{layer}.attn.hook_z"}`. Out: the
ledger with the named places in it, each checked on a forward pass: there, called, of the right
shape, and on the path to the logits.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mechwidget.errors import SiteError
from mechwidget.models.ledger import Place
from mechwidget.models.name_checks import Wish, check_output, idle_places, outputs_of
from mechwidget.models.sites import GLOBAL, NAMES, Site

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from mechwidget.models.ledger import Block, Ledger, Named
    from mechwidget.models.source import Source

_MOST = 12  # names in an error


def name_sites(
    ledger: Ledger, module: nn.Module, source: Source, names: Mapping[str, str]
) -> Ledger:
    """The ledger with the sites that `names` names; `SiteError` where one cannot be."""
    if not isinstance(names, Mapping):
        raise SiteError(
            f"sites is {type(names).__name__}; expected a mapping from site to module.",
            'Write e.g. sites={"z": "blocks.{layer}.attn.hook_z"}.',
        )
    wishes = [wish for name, path in names.items() for wish in _wishes(name, path, ledger, module)]
    seen = outputs_of(module, source, {wish.place.module for wish in wishes})
    found = tuple(check_output(wish, seen, ledger, source.example()) for wish in wishes)
    if idle := idle_places(module, source, found):
        first = idle[0]
        raise SiteError(
            f"{first.place.module!r} cannot be {first.site}: what it returns was changed, and the "
            "logits stayed the same.",
            "Name the module whose output the rest of the forward uses.",
        )
    return with_named(ledger, found)


def offer_sites(
    ledger: Ledger, module: nn.Module, source: Source, wishes: Iterable[Wish]
) -> Ledger:
    """The ledger with those of the wishes that pass every check; the first one for each site."""
    wishes = tuple(wishes)
    if not wishes:
        return ledger
    seen, example = outputs_of(module, source, {w.place.module for w in wishes}), source.example()
    found: dict[Site, Named] = {}
    for wish in wishes:
        if wish.site not in found:
            with suppress(SiteError):
                found[wish.site] = check_output(wish, seen, ledger, example)
    idle = idle_places(module, source, tuple(found.values()))
    return with_named(ledger, tuple(named for named in found.values() if named not in idle))


def with_named(ledger: Ledger, found: tuple[Named, ...]) -> Ledger:
    """A ledger that knows these places, and how wide z and the neurons are by them."""
    blocks = tuple(_widened(layer, block, found) for layer, block in enumerate(ledger.blocks))
    return replace(ledger, blocks=blocks, named=(*ledger.named, *found))


def _widened(layer: int, block: Block, found: tuple[Named, ...]) -> Block:
    widths = {n.site.name: n.width for n in found if n.site.layer == layer}
    by_kind = {"attention": widths.get("z", 0), "mlp": widths.get("mlp_post", 0)}
    writes = tuple(
        replace(write, width=by_kind[write.kind]) if by_kind.get(write.kind) else write
        for write in block.writes
    )
    shared = [n.heads for n in found if n.site.layer == layer and n.site.name in ("k", "v")]
    attention = block.attention
    if attention is not None and shared and attention.heads % shared[0] == 0:
        attention = replace(attention, key_value_heads=shared[0])
    return replace(block, writes=writes, attention=attention)


def _wishes(name: str, path: str, ledger: Ledger, module: nn.Module) -> list[Wish]:
    """The places that one template stands for, one per layer."""
    if name not in NAMES or name == "logits":
        near = get_close_matches(str(name), NAMES, 3, 0.4) or NAMES
        why = "the logits are what the forward returns" if name == "logits" else "no such site"
        raise SiteError(f"sites names {name!r}: {why}.", f"Nearest: {', '.join(near)}.")
    if name in GLOBAL:
        return [Wish(Site(name), _existing(name, _filled(name, path, 0), module))]
    shared = _filled(name, path, 0) == _filled(name, path, 1)
    wishes = []
    for layer, block in enumerate(ledger.blocks):
        place = _existing(name, _filled(name, path, layer), module)
        place = Place(place.module, layer if shared else 0)
        _refuse_other_layer(name, place, block.place, ledger)
        wishes.append(Wish(Site(name, layer), place))
    return wishes


def _filled(name: str, path: str, layer: int) -> str:
    try:
        return path.format(layer=layer)
    except (AttributeError, LookupError, ValueError):
        raise SiteError(
            f"sites[{name!r}] is {path!r}; expected the name of a module, with {{layer}} where "
            "the number of the layer stands."
        ) from None


def _existing(name: str, path: str, module: nn.Module) -> Place:
    """The place of a module that must be there."""
    try:
        module.get_submodule(path)
    except AttributeError:
        raise _missing(name, path, module) from None
    return Place(path)


def _missing(name: str, path: str, module: nn.Module) -> SiteError:
    """What there is instead: near the end of the path that leads somewhere."""
    known = [known for known, _ in module.named_modules() if known]
    parent = path.rpartition(".")[0]
    while parent and parent not in known:
        parent = parent.rpartition(".")[0]
    inside = [k for k in known if k.rpartition(".")[0] == parent]
    near = dict.fromkeys((*get_close_matches(path, known, 3, 0.6), *inside))
    has = ", ".join(list(near)[:_MOST])
    return SiteError(
        f"sites[{name!r}] names the module {path!r}, which this model does not have.",
        f"It has {has}." if has else "",
    )


def _refuse_other_layer(name: str, place: Place, block: Place, ledger: Ledger) -> None:
    """A module inside the block of another layer runs, or is skipped, with that layer."""
    others = {b.place.module for b in ledger.blocks} - {block.module}
    inside = [other for other in others if f"{place.module}.".startswith(f"{other}.")]
    if inside and not f"{place.module}.".startswith(f"{block.module}."):
        raise SiteError(
            f"sites[{name!r}] names {place.module!r} for the layer that is {block.module!r}, and "
            f"it belongs to {inside[0]!r}.",
            "Write {layer} where the number of the layer stands.",
        )
