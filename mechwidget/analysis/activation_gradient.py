"""Activation times gradient: every part's effect at once, to first order.

One forward and one backward pass. `activation · gradient` is what the metric would lose if the
part were set to zero, were the rest of the model linear; `(other - activation) · gradient` what it
would gain with another prompt's activation in its place (attribution patching: Nanda 2023, Syed et
al. 2023). Good for finding candidates; what counts is the ablation or the patch itself, and heads
whose pattern saturates are the ones that it gets wrong.

In: a prompt, a metric and perhaps a second prompt. Out: `ActivationGradient`, in the metric's unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.analysis.alignment import align
from mechwidget.errors import SiteError, UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    import torch

    from mechwidget.analysis.metrics import Metric
    from mechwidget.models import HookedModel, Intervention, Site
    from mechwidget.models.prompts import Prompt
    from mechwidget.models.tokens import Tokens

_SITES = ("z", "attn_out", "mlp_out")


@dataclass(frozen=True, slots=True, eq=False)
class ActivationGradient:
    """First-order effects; nan where there is no such part.

    The sum over positions is the part's. In a model with two stacks each layer has the positions
    of its own, and 0 beyond them.

    Attributes:
        heads: float64 `[layer, head, pos]`.
        attention: float64 `[layer, pos]`.
        mlp: float64 `[layer, pos]`.
        value: the metric of the run.
    """

    heads: npt.NDArray[np.float64]
    attention: npt.NDArray[np.float64]
    mlp: npt.NDArray[np.float64]
    value: float


def activation_gradient(
    model: HookedModel,
    prompt: Prompt,
    metric: Metric,
    interventions: Sequence[Intervention] = (),
    *,
    source: Prompt | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ActivationGradient:
    """`activation · gradient` of every head, attention and MLP, by position.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        metric: the number whose gradient is taken.
        interventions: what is changed in the run.
        source: a second prompt: then it is `(source's activation - activation) · gradient`, 0 at
            positions that have no counterpart in it (see `align`).
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        SiteError: the model has none of these parts, or no gradient reaches one of them.
        TokenError: the metric does not fit the prompt.
    """
    tokens = model.tokenize(prompt)
    sites = part_sites(model)
    measured: Any = metric  # its protocol there has fields that can be set
    found = model.gradients(tokens, measured, sites, interventions, cancelled=cancelled)
    other: dict[Site, torch.Tensor] = {}
    if source is not None:
        if len(model.stacks) > 1:
            raise UnsupportedModelError(
                f"{model.name} has two stacks: the prompts of both would have to be aligned.",
                "Leave out the second prompt, or patch.",
            )
        other = _from_source(model, source, tokens.ids, sites, found.read, cancelled)

    products: dict[Site, torch.Tensor] = {}
    for site in sites:
        held, gradient = found.read[site][0].float(), found[site][0].float()
        products[site] = (held if source is None else other[site].float() - held) * gradient
    return ActivationGradient(*by_part(model, tokens, products), found.value)


def part_sites(model: HookedModel) -> list[Site]:
    """The sites of heads, attentions and MLPs.

    Raises:
        SiteError: the model has none of these parts.
    """
    sites = [site for site in model.sites if site.name in _SITES]
    if not sites:
        raise SiteError(f"{model.name} has no heads, attentions or MLPs that can be told apart.")
    return sites


def by_part(
    model: HookedModel, tokens: Tokens, products: Mapping[Site, torch.Tensor]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Products `[pos, …]` of sites, over their width: heads `[layer, head, pos]`, attentions, MLPs.

    These are `[layer, pos]`; all are nan where there is no such part or its site was not asked for.
    """
    n = model.n_layers
    heads = np.full((n, model.most_heads, tokens.longest), np.nan)
    attention, mlp = (np.full((n, tokens.longest), np.nan) for _ in range(2))
    for site, product in products.items():
        layer = site.layer or 0
        rows = {
            "z": heads[layer, : model.n_heads(layer)],
            "attn_out": attention[layer],
            "mlp_out": mlp[layer],
        }[site.name]
        rows[:], numbers = 0, product.sum(-1).cpu().double().numpy().T  # [head, pos] or [pos]
        rows[..., : numbers.shape[-1]] = numbers
    return heads, attention, mlp


def _from_source(
    model: HookedModel,
    source: Prompt,
    ids: Sequence[int],
    sites: Sequence[Site],
    held: Mapping[Site, torch.Tensor],
    cancelled: Callable[[], bool] | None,
) -> dict[Site, torch.Tensor]:
    """What the second prompt holds at each site, laid over the first one's positions."""
    tokens = model.tokenize(source)
    pairs = align(ids, tokens).pairs
    here, there = [a for a, _ in pairs], [b for _, b in pairs]
    read = model.run(tokens, (), sites, [-1], cancelled=cancelled).read
    laid = {site: held[site][0].clone() for site in sites}
    for site, tensor in laid.items():
        tensor[here] = read[site][0, there]
    return laid
