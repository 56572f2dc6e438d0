"""Interventions: what is done to which part of a model, as plain immutable data.

In: components and modes, from code or from JSON. Out: edits that `HookedModel.run` applies.
Nothing here imports torch until an edit is applied.
"""

from __future__ import annotations

from mechwidget.interventions.ablate import Ablate
from mechwidget.interventions.codec import component_from_json, intervention_from_json
from mechwidget.interventions.component import Component
from mechwidget.interventions.components import (
    MLP,
    Attention,
    Edge,
    ExpertNeuron,
    Head,
    Layer,
    Neuron,
    Residual,
)
from mechwidget.interventions.feature import Feature
from mechwidget.interventions.freeze import Freeze
from mechwidget.interventions.intervention import (
    Intervention,
    component_edits,
    require_component,
)
from mechwidget.interventions.knock_out import KnockOut
from mechwidget.interventions.patch import Patch
from mechwidget.interventions.replace_pattern import ReplacePattern
from mechwidget.interventions.scale import Scale
from mechwidget.interventions.set_value import SetValue
from mechwidget.interventions.skip_layer import SkipLayer
from mechwidget.interventions.steer import Steer
from mechwidget.interventions.vectors import Vector

__all__ = [
    "MLP",
    "Ablate",
    "Attention",
    "Component",
    "Edge",
    "ExpertNeuron",
    "Feature",
    "Freeze",
    "Head",
    "Intervention",
    "KnockOut",
    "Layer",
    "Neuron",
    "Patch",
    "ReplacePattern",
    "Residual",
    "Scale",
    "SetValue",
    "SkipLayer",
    "Steer",
    "Vector",
    "component_edits",
    "component_from_json",
    "intervention_from_json",
    "require_component",
]
