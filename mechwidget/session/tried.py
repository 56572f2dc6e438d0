"""What has been tried in a session: every state that got numbers, each once, in the order of time.

In flow states with their numbers; out flow trials, which a session can go back to. States that
give the same numbers are one trial: whoever undoes is back at the one that was there.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mechwidget.session.difference import what_changed

if TYPE_CHECKING:
    from collections.abc import Hashable

    from mechwidget.analysis import Metric, TokenChange
    from mechwidget.models import Tokens
    from mechwidget.session.computation import Computed
    from mechwidget.session.state import State

LIMIT = 200
"""Trials that are remembered; the oldest are forgotten first."""


@dataclass(frozen=True)
class Figures:
    """The few numbers of a state that a table shows.

    Attributes:
        metric: before and after; None without a metric.
        kl: from the baseline, in nats.
        entropy: before and after, in nats.
        likeliest: the token that is most likely under the interventions.
    """

    metric: tuple[float, float] | None
    kl: float
    entropy: tuple[float, float]
    likeliest: TokenChange


@dataclass(frozen=True)
class Trial:
    """One state that was tried.

    Attributes:
        id: its own.
        state: what `session.go_back` returns to.
        sentence: what was done to get there.
        figures: its numbers.
    """

    id: int
    state: State
    sentence: str
    figures: Figures


def figures_of(computed: Computed) -> Figures:
    """The numbers of a state that are worth a place in a table."""
    found = computed.outcome
    best = max(found.top, key=lambda token: token.after)
    return Figures(computed.metric, found.kl, found.entropy, best)


class Tried:
    """The trials of one session. Called under its lock."""

    def __init__(self) -> None:
        self._trials: OrderedDict[Hashable, Trial] = OrderedDict()
        self._next = 0
        self._newest_step = -1
        self._last: State | None = None

    def begin(self, state: State) -> None:
        """What is tried first is told by how it differs from this state."""
        self._last = state

    def note(self, state: State, figures: Figures, step: int) -> None:
        """Remember the numbers of a state.

        Args:
            state: the state.
            figures: its numbers.
            step: counts what undo takes back at once: of the states of one drag the last stays.
        """
        key, last = _key(state), self._last
        self._last = state
        known = self._trials.get(key)
        if known is not None:
            self._trials[key] = replace(known, state=state, figures=figures)
            return
        sentence = ("" if last is None else what_changed(last, state)) or "Start"
        if step == self._newest_step and self._trials:
            dragged = next(reversed(self._trials))
            self._trials.pop(dragged)
        trial = Trial(self._next, state, sentence, figures)
        self._next += 1
        self._newest_step = step
        self._trials[key] = trial
        if len(self._trials) > LIMIT:
            self._trials.popitem(last=False)

    @property
    def all(self) -> tuple[Trial, ...]:
        """Every trial, the newest last."""
        return tuple(self._trials.values())

    def like(self, state: State) -> tuple[Trial, ...]:
        """Those whose numbers can be compared with this state's: same prompt, same question."""
        about = _question(state)
        return tuple(trial for trial in self.all if _question(trial.state) == about)

    def of(self, state: State) -> Trial | None:
        """The trial that this state is."""
        return self._trials.get(_key(state))


def _question(state: State) -> tuple[Tokens, Metric | None, int]:
    return state.tokens, state.metric, state.position


def _key(state: State) -> Hashable:
    return _question(state), state.active
