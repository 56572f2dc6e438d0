"""mechwidget: click a head in a notebook cell, and the model in your own kernel is ablated.

    import mechwidget as mw
    model = mw.load("microcosm")
    mw.explore(model, "The capital of France is")

Names are resolved on first use (PEP 562), so that `import mechwidget` costs neither torch nor
transformers.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mechwidget.analysis import (
        LogitDiff,
        Probability,
        logit_lens,
        patching_grid,
        value_weighted,
    )
    from mechwidget.checkup import doctor
    from mechwidget.dictionaries import Dictionary, register_dictionary
    from mechwidget.errors import MechwidgetError
    from mechwidget.interventions import (
        MLP,
        Ablate,
        Attention,
        Edge,
        ExpertNeuron,
        Feature,
        Freeze,
        Head,
        KnockOut,
        Layer,
        Neuron,
        Patch,
        ReplacePattern,
        Residual,
        Scale,
        SetValue,
        SkipLayer,
        Steer,
        Vector,
    )
    from mechwidget.models import (
        Generation,
        Gradients,
        HookedModel,
        Inputs,
        Run,
        Site,
        Source,
        TextSource,
        Tokens,
        load,
        wrap,
    )
    from mechwidget.plugin_api import plugins
    from mechwidget.session import Session
    from mechwidget.views import (
        AttentionView,
        CacheView,
        Continuation,
        EmbeddingView,
        HeadMap,
        Interventions,
        LensView,
        NeuronsView,
        NeuronView,
        Outcome,
        TokenStrip,
        WeightsView,
        Workbench,
        explore,
    )
    from mechwidget.views.plugin_view import PluginView

try:
    __version__ = version("mechwidget")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

_HOMES = {
    "Ablate": "interventions",
    "Attention": "interventions",
    "AttentionView": "views",
    "AttributionView": "views",
    "CacheView": "views",
    "Continuation": "views",
    "Dictionary": "dictionaries",
    "Edge": "interventions",
    "EmbeddingView": "views",
    "ExpertNeuron": "interventions",
    "Feature": "interventions",
    "Freeze": "interventions",
    "Generation": "models",
    "Gradients": "models",
    "Head": "interventions",
    "HeadMap": "views",
    "HookedModel": "models",
    "Inputs": "models",
    "Interventions": "views",
    "KnockOut": "interventions",
    "Layer": "interventions",
    "LensView": "views",
    "LogitDiff": "analysis",
    "MLP": "interventions",
    "MechwidgetError": "errors",
    "Neuron": "interventions",
    "NeuronView": "views",
    "NeuronsView": "views",
    "Outcome": "views",
    "Patch": "interventions",
    "PluginView": "views.plugin_view",
    "Probability": "analysis",
    "ReplacePattern": "interventions",
    "Residual": "interventions",
    "Run": "models",
    "Scale": "interventions",
    "Session": "session",
    "SetValue": "interventions",
    "Site": "models",
    "SkipLayer": "interventions",
    "Source": "models",
    "Steer": "interventions",
    "TextSource": "models",
    "TokenStrip": "views",
    "Tokens": "models",
    "Vector": "interventions",
    "WeightsView": "views",
    "Workbench": "views",
    "doctor": "checkup",
    "explore": "views",
    "load": "models",
    "logit_lens": "analysis",
    "patching_grid": "analysis",
    "plugins": "plugin_api",
    "register_dictionary": "dictionaries",
    "value_weighted": "analysis",
    "wrap": "models",
}

__all__ = [
    "MLP",
    "Ablate",
    "Attention",
    "AttentionView",
    "AttributionView",
    "CacheView",
    "Continuation",
    "Dictionary",
    "Edge",
    "EmbeddingView",
    "ExpertNeuron",
    "Feature",
    "Freeze",
    "Generation",
    "Gradients",
    "Head",
    "HeadMap",
    "HookedModel",
    "Inputs",
    "Interventions",
    "KnockOut",
    "Layer",
    "LensView",
    "LogitDiff",
    "MechwidgetError",
    "Neuron",
    "NeuronView",
    "NeuronsView",
    "Outcome",
    "Patch",
    "PluginView",
    "Probability",
    "ReplacePattern",
    "Residual",
    "Run",
    "Scale",
    "Session",
    "SetValue",
    "Site",
    "SkipLayer",
    "Source",
    "Steer",
    "TextSource",
    "TokenStrip",
    "Tokens",
    "Vector",
    "WeightsView",
    "Workbench",
    "doctor",
    "explore",
    "load",
    "logit_lens",
    "patching_grid",
    "plugins",
    "register_dictionary",
    "value_weighted",
    "wrap",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'mechwidget' has no attribute {name!r}")
    value = getattr(import_module(f"mechwidget.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
