"""Interventions: what is done to which part of a model, as plain immutable data.

In: components and modes, from code or from JSON. Out: edits that `HookedModel.run` applies.
Nothing here imports torch until an edit is applied.
"""

from __future__ import annotations

from mechwidget.interventions.ablate import Ablate
from mechwidget.interventions.codec import component_from_json, intervention_from_json
from mechwidget.interventions.components import MLP, Attention, Component, Head, Neuron

__all__ = [
    "MLP",
    "Ablate",
    "Attention",
    "Component",
    "Head",
    "Neuron",
    "component_from_json",
    "intervention_from_json",
]
