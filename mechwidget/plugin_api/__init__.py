"""Plugins: parts that other packages bring, and mechwidget's own, which come in by the same door.

In flow the entry points of installed packages; out flow parts by group and name, each loaded when
it is first used, and what became of each. The contracts are in `protocols`. This is the bottom
layer: it knows the layers that use the parts by name only, and no torch.
"""

from __future__ import annotations

from mechwidget.plugin_api.groups import GROUPS, Group
from mechwidget.plugin_api.health import Health
from mechwidget.plugin_api.protocols import (
    DictionarySource,
    InterventionKind,
    MetricKind,
    ModelSource,
    Score,
    View,
)
from mechwidget.plugin_api.registry import REGISTRY, Registry
from mechwidget.plugin_api.report import PluginReport, plugins
from mechwidget.plugin_api.version import API_VERSION

__all__ = [
    "API_VERSION",
    "GROUPS",
    "REGISTRY",
    "DictionarySource",
    "Group",
    "Health",
    "InterventionKind",
    "MetricKind",
    "ModelSource",
    "PluginReport",
    "Registry",
    "Score",
    "View",
    "plugins",
]
