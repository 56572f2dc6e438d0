"""What is declared: the entry points of every installed package, and mechwidget's own.

Packages declare their parts as entry points of six groups. mechwidget's own come from the same kind
of lines: in `OWN`, since a source tree has no metadata and that of an editable install may be old;
pyproject.toml says the same, and a test holds that it does. A package whose metadata cannot be read
is named, and hides nobody else's.

In: the metadata of the environment. Out: entry points, none of them loaded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PREFIX = "mechwidget."

OWN: dict[str, dict[str, str]] = {
    "sources": {
        "microcosm": "mechwidget.models.own_sources:MICROCOSM",
        "huggingface": "mechwidget.models.own_sources:HUGGING_FACE",
    },
    "interventions": {
        "ablate": "mechwidget.interventions.ablate:Ablate",
        "freeze": "mechwidget.interventions.freeze:Freeze",
        "knock_out": "mechwidget.interventions.knock_out:KnockOut",
        "patch": "mechwidget.interventions.patch:Patch",
        "replace_pattern": "mechwidget.interventions.replace_pattern:ReplacePattern",
        "scale": "mechwidget.interventions.scale:Scale",
        "set_value": "mechwidget.interventions.set_value:SetValue",
        "skip_layer": "mechwidget.interventions.skip_layer:SkipLayer",
        "steer": "mechwidget.interventions.steer:Steer",
    },
    "metrics": {
        "logit": "mechwidget.analysis.metrics:Logit",
        "logit_diff": "mechwidget.analysis.metrics:LogitDiff",
        "probability": "mechwidget.analysis.metrics:Probability",
    },
    "scores": {
        "core": "mechwidget.analysis.core_scores:CORE",
    },
    "dictionaries": {},
    "views": {
        "attention": "mechwidget.views.attention:AttentionView",
        "attribution": "mechwidget.views.attribution:AttributionView",
        "cache": "mechwidget.views.cache:CacheView",
        "continuation": "mechwidget.views.continuation:Continuation",
        "embedding": "mechwidget.views.embedding:EmbeddingView",
        "head-map": "mechwidget.views.head_map:HeadMap",
        "interventions": "mechwidget.views.interventions:Interventions",
        "lens": "mechwidget.views.lens:LensView",
        "neuron": "mechwidget.views.neuron:NeuronView",
        "neurons": "mechwidget.views.neurons:NeuronsView",
        "outcome": "mechwidget.views.outcome:Outcome",
        "token-strip": "mechwidget.views.token_strip:TokenStrip",
        "weights": "mechwidget.views.weights:WeightsView",
        "workbench": "mechwidget.views.workbench:Workbench",
    },
}


@dataclass(frozen=True, slots=True)
class Declared:
    """An entry point.

    Attributes:
        group: without "mechwidget."; unknown groups are kept, so that a typing error is reported.
        name: what it is called.
        value: "package.module:name".
        distribution: the package that it is from; `version`, which one.
        fault: why not even the declaration can be read.
    """

    group: str
    name: str
    value: str
    distribution: str
    version: str
    fault: str = ""

    @property
    def module(self) -> str:
        """The module that has to be imported."""
        return self.value.partition(":")[0].strip()


def all_declared() -> tuple[Declared, ...]:
    """Every entry point for mechwidget: its own first, then others by the name of their package."""
    others = sorted(installed(metadata.distributions()), key=lambda each: each.distribution)
    return (*own(), *others)


def own() -> Iterator[Declared]:
    """The parts of mechwidget itself."""
    version = _own_version()
    for group, parts in OWN.items():
        for name, value in parts.items():
            yield Declared(group, name, value, "mechwidget", version)


def installed(distributions: Iterable[metadata.Distribution]) -> Iterator[Declared]:
    """What other packages declare; the first on the path, where a package is there twice."""
    seen = {"mechwidget"}
    for distribution in distributions:
        try:
            name = re.sub(r"[-_.]+", "-", distribution.name).lower()
            text = distribution.read_text("entry_points.txt") or ""
        except Exception:  # noqa: BLE001, S112 - metadata that are no metadata concern somebody else
            continue
        if name in seen:
            continue
        seen.add(name)
        if PREFIX in text:
            yield from _of(distribution, name)


def _of(distribution: metadata.Distribution, name: str) -> Iterator[Declared]:
    try:
        version = distribution.version
        points = [p for p in distribution.entry_points if p.group.startswith(PREFIX)]
    except Exception as error:  # noqa: BLE001 - a plugin may be broken in any way
        fault = f"its entry points cannot be read: {type(error).__name__}: {error}"
        yield Declared("?", name, "", name, "", fault)
        return
    for point in points:
        yield Declared(point.group.removeprefix(PREFIX), point.name, point.value, name, version)


def _own_version() -> str:
    try:
        return metadata.version("mechwidget")
    except metadata.PackageNotFoundError:  # a source tree that was never installed
        return ""
