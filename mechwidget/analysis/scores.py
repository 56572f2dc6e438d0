"""The registry of scores: what can colour the head map, ours and other people's.

Scores are parts of the plugin group "scores", this library's own too; `register_score` adds one by
hand. One that cannot be loaded is left out, and `mw.plugins()` says why; one that raises is named.

In: scores. Out: scores by name, and their numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.analysis.map_score import MapScore, ScoreInputs, ScoreMap
from mechwidget.errors import MechwidgetError
from mechwidget.plugin_api import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "scores"
_REGISTERED: dict[str, MapScore] = {}
_REGISTRATIONS: list[str] = []


def register_score(score: MapScore, *, replace: bool = False) -> MapScore:
    """Make a score known by its name.

    Raises:
        MechwidgetError: it is no `MapScore`, or its name is taken and `replace` is not set.
    """
    if reason := fault("", score):
        raise MechwidgetError(f"{score!r:.80} is not a MapScore: {reason}.")
    if score.name in _known() and not replace:
        raise MechwidgetError(
            f"There is a score called {score.name!r} already.",
            "Choose another name, or register it with replace=True.",
        )
    _REGISTERED[score.name] = score
    _REGISTRATIONS.append(score.name)
    return score


def changes() -> int:
    """Another number whenever there may be other scores than before."""
    return len(_REGISTRATIONS) + REGISTRY.version(GROUP)


def map_scores() -> tuple[MapScore, ...]:
    """Every score there is, those of installed packages included."""
    return tuple(_known().values())


def find_score(name: str) -> MapScore:
    """The score of that name; `MechwidgetError` naming those there are."""
    known = _known()
    if name not in known:
        raise MechwidgetError(f"No score is called {name!r}; there are {', '.join(known)}.")
    return known[name]


def compute_score(name: str, inputs: ScoreInputs) -> ScoreMap:
    """The numbers of one score."""
    return numbers_of(find_score(name), inputs)


def numbers_of(score: MapScore, inputs: ScoreInputs) -> ScoreMap:
    """The numbers of a score, which may be a plugin's and so return anything.

    Raises:
        MechwidgetError: what the score says, or that what it returned is no map of this model.
    """
    made = score(inputs)
    if reason := _misshapen(made, inputs):
        raise MechwidgetError(f"The score {score.name!r} has no numbers: {reason}.")
    return made


def fault(name: str, part: object) -> str:  # noqa: ARG001 - a score has a name of its own
    """Why something is no score; empty where it is one."""
    if not isinstance(part, MapScore):
        return f"it is no MapScore but a {type(part).__name__}"
    texts = (part.name, part.title, part.convention, part.unit)
    if not all(isinstance(text, str) for text in texts) or not part.name.strip():
        return "its name, title, convention and unit have to be text"
    if part.scale not in ("sequential", "diverging"):
        return f"its scale is {part.scale!r:.40}; expected 'sequential' or 'diverging'"
    return "" if callable(part.compute) else "its compute cannot be called"


def _known() -> dict[str, MapScore]:
    known: dict[str, MapScore] = {}
    taken: dict[str, str] = {}
    for entry, score in _installed():
        if taken.setdefault(score.name, entry) != entry:
            REGISTRY.refuse(GROUP, entry, f"there is a score called {score.name!r} already")
        else:
            known[score.name] = score
    return {**known, **_REGISTERED}


def _installed() -> Iterator[tuple[str, MapScore]]:
    """Entry point and score; one entry point may bring several."""
    for entry, part in REGISTRY.parts(GROUP).items():
        for score in part if isinstance(part, tuple) else (part,):
            yield entry, score


def _misshapen(made: object, inputs: ScoreInputs) -> str:
    """Why something is no map of this model."""
    if not isinstance(made, ScoreMap):
        return f"compute returned a {type(made).__name__}; expected a ScoreMap"
    layers = range(inputs.model.n_layers)
    heads = max((inputs.model.n_heads(layer) for layer in layers), default=0)
    wanted = {"heads": (len(layers), heads), "attention": (len(layers),), "mlp": (len(layers),)}
    for name, shape in wanted.items():
        found = getattr(getattr(made, name), "shape", None)
        if found != shape:
            return f"its {name} are {found}; expected an array of {shape}"
    return ""
