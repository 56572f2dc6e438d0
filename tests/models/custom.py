"""An intervention of a user's own, random lists of them, and what it means to give the same."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.models import Edit


class Custom:
    """One edit at one site."""

    def __init__(self, site: mw.Site, apply: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.site, self.apply = site, apply

    def edits(self, _model: mw.HookedModel, _n: int) -> tuple[Edit, ...]:
        return (Edit(self.site, self.apply),)


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Bit for bit; scores that a mask made -inf change by nan."""
    return torch.equal(a.nan_to_num(), b.nan_to_num()) and torch.equal(a.isnan(), b.isnan())


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Up to the rounding of products of another shape."""
    room = 1e-5 * (1 + b.nan_to_num().abs().max())
    return bool(((a - b).nan_to_num().abs() <= room).all()) and torch.equal(a.isnan(), b.isnan())


def interventions(model: mw.HookedModel) -> st.SearchStrategy:
    """Ablations of any component, and additions at any site, mixed."""
    layers = range(model.n_layers)
    parts = [mw.Head(layer, head) for layer in layers for head in range(model.n_heads(layer))]
    parts += [mw.MLP(layer) for layer in layers if model.has_mlp(layer)]
    parts += [mw.Neuron(layer, 7) for layer in layers if model.n_neurons(layer)]
    parts += [mw.Attention(layer) for layer in layers if model.has_attention(layer)]
    added = [Custom(site, lambda tensor: tensor + 0.25) for site in model.sites]
    return st.lists(st.sampled_from([*map(mw.Ablate, parts), *added]), max_size=4)
