"""The six groups of plugins, and how it is told whether a part is what its group asks for.

The shape is told by the members of the group's Protocol, which needs nothing of the rest. The layer
that uses the parts may look closer: its module, `home`, has a function `fault(name, part)` that
gives a reason or nothing. It is imported when a part of the group is first loaded, and before it,
so that what mechwidget itself imports (torch) is not counted as the plugin's time.

In: a part. Out: a reason why it does not fit, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from mechwidget.plugin_api import protocols


@dataclass(frozen=True, slots=True)
class Group:
    """One group.

    Attributes:
        name: its name; entry points are of the group "mechwidget." + name.
        kind: what one of its parts is, in words.
        protocol: the contract.
        home: the module that uses the parts, whose `fault` knows them better.
    """

    name: str
    kind: str
    protocol: type[Any]
    home: str

    def prepare(self) -> Any:
        """Import what the parts stand on; the module that judges them."""
        return import_module(self.home)

    def fault(self, name: str, part: object) -> str:
        """Why a part is not what this group asks for; empty where it is."""
        judge = self.prepare()
        several = part if isinstance(part, tuple) and self.name == "scores" else (part,)
        for each in several:
            if reason := _missing(each, self.protocol, self.kind) or judge.fault(name, each):
                return str(reason)
        return "" if several else f"it is no {self.kind}: it is empty"


def _missing(part: object, protocol: type[Any], kind: str) -> str:
    wanted = {name for name in dir(protocol) if not name.startswith("_")}
    wanted |= set(protocol.__annotations__)
    lacking = sorted(name for name in wanted if not hasattr(part, name))
    if not lacking:
        return ""
    return f"it is no {kind}: {_what(part)} has no {' and no '.join(lacking[:3])}"


def _what(part: object) -> str:
    name = getattr(part, "__name__", None)
    return str(name) if isinstance(name, str) else f"a {type(part).__name__}"


GROUPS: dict[str, Group] = {
    group.name: group
    for group in (
        Group("sources", "source", protocols.ModelSource, "mechwidget.models.model_sources"),
        Group(
            "interventions",
            "kind of intervention",
            protocols.InterventionKind,
            "mechwidget.interventions.kinds",
        ),
        Group(
            "metrics", "kind of metric", protocols.MetricKind, "mechwidget.analysis.metric_kinds"
        ),
        Group("scores", "score", protocols.Score, "mechwidget.analysis.scores"),
        Group(
            "dictionaries",
            "source of dictionaries",
            protocols.DictionarySource,
            "mechwidget.dictionaries.sources",
        ),
        Group("views", "view", protocols.View, "mechwidget.views.plugin_view"),
    )
}
