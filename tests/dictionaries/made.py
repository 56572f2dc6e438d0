"""Dictionaries with random numbers for tiny models, of every activation and of both kinds."""

from __future__ import annotations

from functools import cache

import torch

import mechwidget as mw
from mechwidget.dictionaries import find_dictionary

N_FEATURES = 24
K = 6


def dictionary(
    d_in: int,
    d_out: int | None = None,
    activation: str = "relu",
    *,
    reads: mw.Site | tuple[str, int] = ("resid_pre", 1),
    writes: mw.Site | tuple[str, int] | None = None,
    seed: int = 0,
    centred: bool = False,
) -> mw.Dictionary:
    """Random numbers at which about half of the features are active."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    d_out = d_in if d_out is None else d_out
    return mw.Dictionary(
        noise(d_in, N_FEATURES) / d_in**0.5,
        0.2 * noise(N_FEATURES),
        noise(N_FEATURES, d_out) / N_FEATURES**0.5,
        0.2 * noise(d_out),
        reads=reads,
        writes=writes,
        activation=activation,
        threshold=0.3 * torch.rand(N_FEATURES, generator=generator)
        if activation == "jumprelu"
        else None,
        k=K if activation == "topk" else None,
        centred=centred,
    )


class Theirs:
    """Somebody's own autoencoder: the same arithmetic, known by the protocol alone."""

    def __init__(self, of: mw.Dictionary) -> None:
        self._of = of
        self.reads, self.writes, self.n_features = of.reads, of.writes, of.n_features

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self._of.encode(x)

    def decode(self, features: torch.Tensor) -> torch.Tensor:
        return self._of.decode(features)


@cache
def registered(
    width: int, reads: tuple[str, int], writes: tuple[str, int] | None, activation: str = "relu"
) -> str:
    """The name of a dictionary that is made and registered once; `width` of both sites."""
    name = f"{activation} {reads[0]}.{reads[1]} → {writes} of {width}"
    made = dictionary(width, activation=activation, reads=reads, writes=writes)
    mw.register_dictionary(name, made, replace=True)
    assert find_dictionary(name) is made
    return name
