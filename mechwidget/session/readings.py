"""What can be read off a session: runs, the metric, patterns, scores and effects.

In flows the newest state, through the engine; out flow numbers. Properties wait for the newest
state and raise what prevented its computation; fetches return at once what can be waited for.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from traitlets import HasTraits

from mechwidget.session.continuation import Sampling
from mechwidget.session.job import Priority
from mechwidget.session.traits import AbstractTraits

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    import torch

    from mechwidget.analysis import MapScore, Outcome, ScoreMap
    from mechwidget.analysis.map_score import Scale
    from mechwidget.interventions import Head
    from mechwidget.models import HookedModel, Run
    from mechwidget.models.window import When
    from mechwidget.session.continuation import Continuation, Report
    from mechwidget.session.direction_sources import DirectionSource
    from mechwidget.session.directions import Direction, Directions, Kept
    from mechwidget.session.engine import Engine
    from mechwidget.session.job import Job
    from mechwidget.session.now import Now
    from mechwidget.session.pattern_pictures import PatternPictures
    from mechwidget.session.reads import Question
    from mechwidget.session.scores import Progress as ScoreProgress
    from mechwidget.session.state import State
    from mechwidget.session.sweep import Progress, Watch
    from mechwidget.session.waiting import Awaited

T = TypeVar("T")


class Readings(HasTraits, metaclass=AbstractTraits):
    """The reading half of a session."""

    @property
    def baseline(self) -> Run:
        """The run with no intervention; its logits are those at `outcome`'s position."""
        return self._open().numbers.get().baseline

    @property
    def result(self) -> Run:
        """The run under the interventions that are on; waits for the newest state."""
        return self._open().numbers.get().result

    @property
    def outcome(self) -> Outcome:
        """How the prediction changed; waits for the newest state."""
        return self._open().numbers.get().outcome

    @property
    def metric_value(self) -> float | None:
        """The metric under the interventions; None without a metric."""
        metric = self._open().numbers.get().metric
        return None if metric is None else metric[1]

    @property
    def baseline_metric_value(self) -> float | None:
        """The metric with no intervention; None without a metric."""
        metric = self._open().numbers.get().metric
        return None if metric is None else metric[0]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the newest state has its numbers or its error; false when time is up."""
        return self._open().numbers.wait(timeout)

    def cancel(self) -> None:
        """Stop computing: the newest state stands without numbers until they are asked for again.

        Nothing that was asked is taken back, and nothing is raised where nothing is computed.
        """
        self._open().numbers.cancel()

    def run_again(self) -> None:
        """Compute the newest state once more where it was cancelled or failed; does not wait."""
        self._open().numbers.again()

    def read(
        self,
        key: Hashable,
        work: Callable[[State, Callable[[], bool]], T],
        n_bytes: Callable[[T], int],
    ) -> Job[T]:
        """What `work(state, cancelled)` finds out on the worker's thread; `.result()` waits.

        For views: the answer is remembered under `key` and the state that it is asked about, until
        the model changes. `cancelled` is to be passed on to every run.

        Args:
            key: what is asked for, with its arguments.
            work: finds it out; it may use `session.model`, which is its own meanwhile.
            n_bytes: how much room the answer takes in memory.
        """
        state = self.now().state
        asked = (key, state.tokens, state.active, state.metric, state.position, state.other)
        return self._open().reads.read(asked, lambda stop: work(state, stop), n_bytes)

    def read_weights(
        self,
        key: Hashable,
        work: Callable[[Callable[[], bool]], T],
        n_bytes: Callable[[T], int],
        *,
        long: bool = False,
    ) -> Job[T]:
        """The same of what depends on the model alone: no prompt and no edit asks for it anew.

        Args:
            key: what is asked for, with its arguments.
            work: finds it out; it is passed `cancelled`.
            n_bytes: how much room the answer takes in memory.
            long: clicks and fetches go first.
        """
        priority = Priority.SWEEP if long else Priority.FETCH
        return self._open().reads.read(("weights", key), work, n_bytes, priority)

    def read_each(
        self,
        questions: Sequence[Question[T]],
        n_bytes: Callable[[T], int],
        told: Callable[[Sequence[T]], object],
    ) -> Job[list[T]]:
        """Many answers, part after part, while clicks and fetches go first; `.result()` waits.

        For maps that fill in: each key says all that its answer depends on beside the model.

        Args:
            questions: key and `work(cancelled)` of each.
            n_bytes: how much room an answer takes in memory.
            told: called on the worker's thread with all answers so far, after each.
        """
        return self._open().reads.read_each(questions, n_bytes, told)

    def pattern(self, head: Head, *, edited: bool = True) -> Job[torch.Tensor]:
        """The attention `[query, key]` of a head; `.result()` of what is returned waits."""
        return self._open().patterns.pattern(self.now().state, head, edited=edited)

    @property
    def pictures(self) -> PatternPictures:
        """Attention patterns at the resolution at which a view draws them."""
        return self._open().pictures

    def scores(
        self, name: str, *, edited: bool = False, progress: ScoreProgress | None = None
    ) -> Awaited[ScoreMap]:
        """One score of every head, MLP, attention and layer; `.result()` waits.

        Args:
            name: any that `mechwidget.analysis.map_scores` has, or that `score_heads` was given.
            edited: off the run with the interventions that are on, of a score that follows them.
            progress: called on the worker's thread with (done, total, map so far) by scores that
                take more than one run.

        Raises:
            MechwidgetError: no score has this name, or it needs what the session lacks.
        """
        scores = self._open().scores
        return scores.read(self.now().state, name, edited=edited, progress=progress)

    @property
    def known_scores(self) -> tuple[MapScore, ...]:
        """Every score that can colour the head map, numbers of your own last."""
        return self._open().scores.all()

    def lacks(self, score: MapScore) -> str:
        """What a score needs and the session does not have now, in words; empty: nothing."""
        return self._open().scores.missing(score, self.now().state)

    def score_heads(
        self,
        name: str,
        numbers: Any,
        *,
        unit: str = "",
        convention: str = "",
        scale: Scale | None = None,
    ) -> None:
        """Let numbers of your own colour the head map: they are in its menu from now on.

        Args:
            name: what they are called there; numbers of that name are replaced.
            numbers: an array, a tensor or lists, `[layer, head]`; nan is "nothing here", None
                takes them out of the menu again.
            unit: "logits", "share" …; empty for a pure number.
            convention: one line: what the number is and which way is up.
            scale: "sequential" from 0 or "diverging" around 0; None is whichever fits.

        Raises:
            MechwidgetError: not `[layer, head]` of this model, or a registered score's name.
        """
        self._open().scores.keep(name, numbers, unit, convention, scale)
        self._tell()

    def find_direction(self, source: DirectionSource) -> Job[Direction]:
        """A direction to steer along; `.result()` waits.

        Args:
            source: `OtherMinusThis`, `Unembedding` or `Saved` of `session.direction_sources`.
        """
        return self._find(source, lambda *about: source.find(self.model, *about))

    def find_directions(self, sources: Sequence[DirectionSource]) -> Job[tuple[Direction, ...]]:
        """Several directions, in the same order, as one job."""
        wanted = tuple(sources)

        def found(*about: Any) -> tuple[Direction, ...]:
            each = {source: source.find(self.model, *about) for source in set(wanted)}
            return tuple(each[source] for source in wanted)

        return self._find(wanted, found)

    def _find(self, what: Hashable, work: Callable[[State, Kept, Callable[[], bool]], T]) -> Job[T]:
        state, kept = self.now().state, self.directions.kept
        asked = ("directions", what, state.tokens, state.other, kept)
        n_bytes = 32 * self.model.d_model
        # As urgent as a click, which it is the first half of.
        return self._open().reads.read(
            asked, lambda stop: work(state, kept, stop), lambda _: n_bytes, Priority.RUN
        )

    def continuation(
        self,
        max_new_tokens: int = 20,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        *,
        on: When = "both",
        progress: Report | None = None,
    ) -> Job[Continuation]:
        """What the model goes on to write, with the interventions that are on and without.

        `.result()` of what is returned waits, `.cancel()` ends it; clicks are answered first.

        Args:
            max_new_tokens: how many tokens at most.
            temperature: what logits are divided by before sampling; 0 takes the most likely token.
            top_p: the least probability that the tokens which are sampled from have together.
            seed: the same seed gives the same tokens.
            on: whether interventions act on "prompt" tokens, "generated" ones or "both".
            progress: called on the worker's thread with the `Continuation` so far.
        """
        sampling = Sampling(max_new_tokens, temperature, top_p, seed, on)
        return self._open().continuations.write(self.now().state, sampling, progress)

    def effects(self, progress: Progress | None = None) -> Watch:
        """What ablating each part does to the metric, `[layer, head …, MLP, attention, layer]`.

        `.result()` of what is returned waits.

        Args:
            progress: called on the worker's thread with (done, total, grid so far).
        """
        return self._open().sweeps.watch(self.now().state, progress)

    @property
    @abstractmethod
    def model(self) -> HookedModel:
        """The hooked model; raises once the session is closed."""

    @property
    @abstractmethod
    def directions(self) -> Directions:
        """Named directions to steer along."""

    @abstractmethod
    def now(self) -> Now:
        """One coherent picture of now; never waits for the model."""

    @abstractmethod
    def _tell(self) -> None:
        """Call the listeners."""

    @abstractmethod
    def _open(self) -> Engine:
        """The engine of a session that is not closed."""
