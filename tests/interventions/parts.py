"""The components of a zoo animal, one or two of each kind that it has."""

from __future__ import annotations

from collections.abc import Sequence

import mechwidget as mw
from mechwidget.interventions import Component
from tests.models.zoo.species import ZOO

LAYER = 1
# One of each trait: parallel, GQA, MQA, sandwich norms, ALiBi, tapped softmax, post-LN, experts,
# sinks, MLA, hybrid, no attention at all, a scaled residual, a flattened stream.
TRAITS = (
    *("gpt2", "gpt_neox", "llama", "gemma", "gemma2", "falcon_alibi", "gptj", "opt"),
    *("opt_post_norm", "mixtral", "gpt_oss", "deepseek_v3", "bamba", "mamba", "granite", "bloom"),
)
HEADED = tuple(name for name in TRAITS if ZOO[name].layers)


def parts(
    model: mw.HookedModel, layer: int = LAYER, positions: Sequence[int] | None = None
) -> list[Component]:
    """One of each kind that the layer has, at these positions."""
    found: list[Component] = [mw.Residual(layer, positions), mw.Residual(layer, positions, "post")]
    if mw.Site("resid_mid", layer) in model.sites:
        found.append(mw.Residual(layer, positions, "mid"))
    if model.n_heads(layer):
        found.append(mw.Head(layer, 2, positions))
    if model.has_attention(layer):
        found.append(mw.Attention(layer, positions))
    if model.has_mlp(layer):
        found.append(mw.MLP(layer, positions))
    if model.n_neurons(layer):
        found.append(mw.Neuron(layer, 5, positions))
    return found


def has_pattern(model: mw.HookedModel, layer: int = LAYER) -> bool:
    return mw.Site("pattern", layer) in model.sites and model.n_heads(layer) > 0
