"""The registry of scores: what can colour the head map, ours and other people's.

All come in by one door, `register_score`; packages declare theirs as entry points of the group
`mechwidget.scores`, each the name of a `MapScore`. One that cannot be loaded is named in a warning
and left out.

In: scores. Out: scores by name.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from mechwidget.analysis.core_scores import CORE
from mechwidget.analysis.map_score import MapScore, ScoreInputs, ScoreMap
from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

GROUP = "mechwidget.scores"
_REGISTERED: dict[str, MapScore] = {}
_REGISTRATIONS: list[str] = []


def register_score(score: MapScore, *, replace: bool = False) -> MapScore:
    """Make a score known by its name.

    Raises:
        MechwidgetError: it is no `MapScore`, or its name is taken and `replace` is not set.
    """
    if not isinstance(score, MapScore):
        raise MechwidgetError(f"{score!r:.80} is not a MapScore.")
    if score.name in _REGISTERED and not replace:
        raise MechwidgetError(
            f"There is a score called {score.name!r} already.",
            "Choose another name, or register it with replace=True.",
        )
    _REGISTERED[score.name] = score
    _REGISTRATIONS.append(score.name)
    return score


def changes() -> int:
    """How often a score was registered: another number means that there may be others."""
    _load_installed()
    return len(_REGISTRATIONS)


def map_scores() -> tuple[MapScore, ...]:
    """Every score there is, those of installed packages included."""
    _load_installed()
    return tuple(_REGISTERED.values())


def find_score(name: str) -> MapScore:
    """The score of that name; `MechwidgetError` naming those there are."""
    _load_installed()
    if name not in _REGISTERED:
        raise MechwidgetError(f"No score is called {name!r}; there are {', '.join(_REGISTERED)}.")
    return _REGISTERED[name]


def compute_score(name: str, inputs: ScoreInputs) -> ScoreMap:
    """The numbers of one score."""
    return find_score(name)(inputs)


def load_scores(found: Iterable[EntryPoint]) -> None:
    """Register what entry points name; a broken one is reported and skipped."""
    for point in found:
        try:
            register_score(point.load())
        except Exception as error:  # noqa: BLE001 - a plugin may fail in any way
            warnings.warn(
                f"The score {point.name!r} ({point.value}) is left out: {error}", stacklevel=2
            )


@cache
def _load_installed() -> None:
    load_scores(entry_points(group=GROUP))


for _score in CORE:
    register_score(_score)
