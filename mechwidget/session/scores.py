"""The scores that can colour a session's head map, and their numbers when a view asks for them.

In flow a state and the name of a score: one that is registered for everybody, or numbers of a
person's own that belong to this session. Out flow jobs whose results are `ScoreMap`s. The effect
of ablation is not computed here a second time: it comes from the session's sweep.
"""

from __future__ import annotations

from concurrent.futures import InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mechwidget.analysis import MapScore, ScoreInputs, ScoreMap, map_scores, number_map
from mechwidget.analysis.map_score import grid_map
from mechwidget.analysis.scores import changes, numbers_of
from mechwidget.errors import MechwidgetError
from mechwidget.session.job import Priority
from mechwidget.session.waiting import Awaited

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.analysis.map_score import Scale
    from mechwidget.models import HookedModel
    from mechwidget.session.reads import Reads
    from mechwidget.session.state import State
    from mechwidget.session.sweep import Grid, Sweeps, Watch

    Progress = Callable[[int, int, ScoreMap], object]

EFFECT = "effect"
_LONGEST_NAME = 80


class Scores:
    """The scores of one session.

    Args:
        model: whose parts they are about.
        reads: computes and remembers them.
        sweeps: has the effects of ablation.
    """

    def __init__(self, model: HookedModel, reads: Reads, sweeps: Sweeps) -> None:
        self._model = model
        self._reads = reads
        self._sweeps = sweeps
        self._own: dict[str, MapScore] = {}
        self._changes = 0

    @property
    def version(self) -> int:
        """Another number whenever there may be other scores than before."""
        return changes() + self._changes

    def all(self) -> tuple[MapScore, ...]:
        """Every score that there is, numbers of a person's own last."""
        return (*map_scores(), *self._own.values())

    def find(self, name: str) -> MapScore:
        """The score of that name; `MechwidgetError` naming those there are."""
        known = {score.name: score for score in self.all()}
        if name not in known:
            raise MechwidgetError(f"No score is called {name!r}; there are {', '.join(known)}.")
        return known[name]

    def keep(
        self, name: str, numbers: Any, unit: str, convention: str, scale: Scale | None
    ) -> None:
        """Know these numbers `[layer, head]` by a name; None forgets them."""
        _require_name(name)
        if any(score.name == name for score in map_scores()):
            raise MechwidgetError(
                f"There is a score called {name!r} already.", "Choose another name."
            )
        if numbers is None:
            self._own.pop(name, None)
        else:
            self._own[name] = own_score(
                number_map(self._model, numbers), name, unit, convention, scale
            )
        self._changes += 1

    def missing(self, score: MapScore, state: State) -> str:
        """What a score needs and this state lacks, in words; empty where nothing is missing."""
        if "pattern" in score.needs and not any(s.name == "pattern" for s in self._model.sites):
            return f"{self._model.name} has no attention patterns"
        if "metric" in score.needs and state.metric is None:
            return "needs a metric: choose an answer token"
        if "second prompt" in score.needs and state.other is None:
            return "needs a prompt B"
        return ""

    def read(
        self, state: State, name: str, *, edited: bool, progress: Progress | None = None
    ) -> Awaited[ScoreMap]:
        """The numbers of one score, off the baseline or off the run with the edits."""
        score = self.find(name)
        if missing := self.missing(score, state):
            raise MechwidgetError(f"{score.title[:1].upper()}{score.title[1:]} {missing}.")
        if score.name == EFFECT:
            return _Swept(self._sweeps, state, progress)
        edits = state.active if edited and score.follows_edits else ()

        def work(cancelled: Callable[[], bool]) -> ScoreMap:
            about = (self._model, state.tokens, state.metric, state.other, edits)
            return numbers_of(score, ScoreInputs(*about, cancelled, progress))

        key = (score, state.tokens, edits, state.metric, state.other)
        return self._reads.read(key, work, lambda made: made.grid.nbytes, Priority.SCORE)


def own_score(
    made: ScoreMap, name: str, unit: str, convention: str, scale: Scale | None
) -> MapScore:
    """A score that says numbers which are known already."""
    negative = bool((made.heads < 0).any())
    if scale not in (None, "sequential", "diverging"):
        raise MechwidgetError(f'A scale is "sequential" or "diverging", not {scale!r}.')
    if scale == "sequential" and negative:
        raise MechwidgetError(
            "Some of the numbers are negative: a sequential scale begins at 0.",
            'Leave the scale out, or say scale="diverging".',
        )
    return MapScore(
        name,
        name,
        " ".join(str(convention or "numbers given from Python").split()),
        str(unit),
        scale or ("diverging" if negative else "sequential"),
        None,
        frozenset(),
        lambda _: made,
        follows_edits=False,
    )


def _require_name(name: object) -> None:
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise MechwidgetError(
            f"A score is named by text of 1 to {_LONGEST_NAME} characters, not {name!r:.80}.",
            'For example session.score_heads("my numbers", array).',
        )


class _Swept(Awaited[ScoreMap]):
    """The effects of the session's sweep, as a score."""

    def __init__(self, sweeps: Sweeps, state: State, progress: Progress | None) -> None:
        super().__init__()

        def report(done: int, total: int, grid: Grid) -> None:
            if progress is not None:
                progress(done, total, grid_map(grid))

        self._watch = sweeps.watch(state, None if progress is None else report)
        self._watch.add_done_callback(self._end)

    def cancel(self) -> None:
        """Stop watching; the last one to leave stops the sweep."""
        self._watch.cancel()

    def _end(self, watch: Watch) -> None:
        with suppress(InvalidStateError):
            try:
                self._future.set_result(grid_map(watch.result()))
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                self._future.set_exception(error)
