"""What a dictionary has to be, ours or anybody's: two sites, and two functions between them.

In: an object. Out: the protocol, and a word on what an object lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mechwidget.errors import DictionaryError
from mechwidget.models.sites import LAYERED, Site, SiteLike, parse_site

if TYPE_CHECKING:
    import torch

# The sites that hold one vector per position which a dictionary may be of.
AT = ("resid_pre", "resid_mid", "resid_post", "z", "attn_out", "mlp_in", "mlp_post", "mlp_out")
_MEMBERS = ("reads", "writes", "n_features", "encode", "decode")


@runtime_checkable
class FeatureDictionary(Protocol):
    """A sparse autoencoder or a transcoder, as mechwidget uses one.

    Both functions work position by position, on any leading axes, and have to be deterministic.
    Of `z`, the heads are joined: d_in is head · d_head.

    Attributes:
        reads: the site whose activation it encodes, e.g. `mw.Site("resid_pre", 3)`.
        writes: the site whose activation it decodes to: `reads` of an autoencoder, a later one of
            a transcoder.
        n_features: how many features it has.
    """

    reads: Site
    writes: Site
    n_features: int

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """The activations of all features, `[..., n_features]`, of `x[..., d_in]` in float32."""
        ...

    def decode(self, features: torch.Tensor) -> torch.Tensor:
        """What features `[..., n_features]` stand for at `writes`, `[..., d_out]`."""
        ...


def require_dictionary(thing: object) -> FeatureDictionary:
    """The object itself; `DictionaryError`, saying what it lacks, unless it is a dictionary."""
    lacks = [name for name in _MEMBERS if not hasattr(thing, name)]
    if lacks or not isinstance(thing, FeatureDictionary):
        raise DictionaryError(
            f"{type(thing).__name__} is no dictionary of features: it has no {', '.join(lacks)}.",
            "Give a mechwidget.Dictionary, or an object with encode and decode, the sites that it "
            "reads and writes, and n_features.",
        )
    if isinstance(thing.n_features, bool) or not isinstance(thing.n_features, int):
        raise DictionaryError(f"n_features is {thing.n_features!r:.60}; expected an integer.")
    site_pair(thing.reads, thing.writes)
    return thing


def site_pair(reads: SiteLike, writes: SiteLike | None) -> tuple[Site, Site]:
    """The sites that are read and written; `DictionaryError` where no dictionary can be."""
    pair = parse_site(reads), parse_site(reads if writes is None else writes)
    for site in pair:
        if site.name not in AT or site.layer is None:
            raise DictionaryError(
                f"A dictionary cannot be of {site}; expected {', '.join(AT[:-1])} or {AT[-1]}, and "
                "a layer.",
                'Write e.g. ("resid_pre", 3).',
            )
    before, after = ((site.layer or 0, LAYERED.index(site.name)) for site in pair)
    if after < before:
        raise DictionaryError(f"A dictionary cannot read {pair[0]} and write {pair[1]} before it.")
    return pair
