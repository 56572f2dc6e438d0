"""The views: widgets that show one aspect of a session and hand its clicks back to it.

In flow sessions; out flow widgets that a notebook displays. Views only draw: what they show is
the session's, and what they change they change through the session.
"""

from __future__ import annotations

from mechwidget.views.attention import AttentionView
from mechwidget.views.attribution import AttributionView
from mechwidget.views.cache import CacheView
from mechwidget.views.continuation import Continuation
from mechwidget.views.embedding import EmbeddingView
from mechwidget.views.exploring import explore
from mechwidget.views.head_map import HeadMap
from mechwidget.views.interventions import Interventions
from mechwidget.views.lens import LensView
from mechwidget.views.neuron import NeuronView
from mechwidget.views.neurons import NeuronsView
from mechwidget.views.outcome import Outcome
from mechwidget.views.token_strip import TokenStrip
from mechwidget.views.weights import WeightsView
from mechwidget.views.workbench import Workbench

__all__ = [
    "AttentionView",
    "AttributionView",
    "CacheView",
    "Continuation",
    "EmbeddingView",
    "HeadMap",
    "Interventions",
    "LensView",
    "NeuronView",
    "NeuronsView",
    "Outcome",
    "TokenStrip",
    "WeightsView",
    "Workbench",
    "explore",
]
