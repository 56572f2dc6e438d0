"""What the attention view draws: all heads of a layer at once, small, or a part of one, sharp.

In flow a state and a `Look`: which layer, which moment, the raw pattern or what its edges move. Out
flow jobs whose results have the resolution that is drawn. Whole patterns stay in the kernel, within
the budget of `Patterns`; the pictures are remembered within one of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

import torch

from mechwidget.analysis import ValueNorms, value_norms
from mechwidget.analysis.value_weighted import weighted
from mechwidget.models.sites import Site
from mechwidget.session.job import Job, Priority, Steps
from mechwidget.session.looking import look_at
from mechwidget.session.pooling import factor_for, pooled
from mechwidget.session.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel
    from mechwidget.session.patterns import Patterns
    from mechwidget.session.state import State

T = TypeVar("T")

_BYTES_KEPT = 32 * 2**20
_ENTRIES_AT_ONCE = 4 * 2**20  # of all heads of a layer together, in one answer

Moment = Literal["before", "after", "change"]
Weight = Literal["pattern", "value"]


@dataclass(frozen=True, slots=True)
class Look:
    """What of a layer's attention is looked at.

    Attributes:
        layer: which layer; `cross`: its attention to another stack.
        moment: without the interventions, with them, or the difference.
        weight: the pattern itself, or how long what each edge moves is.
    """

    layer: int
    moment: Moment = "after"
    weight: Weight = "pattern"
    cross: bool = False

    @property
    def site(self) -> Site:
        """The site of its pattern."""
        return Site("cross_pattern" if self.cross else "pattern", self.layer)


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Heads of one layer, small.

    Attributes:
        values: `[head, row, column]`, each entry the one furthest from zero of a square.
        factor: how many tokens there are on a side of a square.
        first: `[head]`, the share of attention on the first token, over the other queries.
        rest: `[head]`, the share that goes to no key.
        note: what the numbers leave out; empty where that is nothing.
    """

    values: torch.Tensor
    factor: int
    first: torch.Tensor
    rest: torch.Tensor
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of one head's pattern, each entry the one furthest from zero of a square."""

    values: torch.Tensor
    note: str


class PatternPictures:
    """Draws patterns of one model, with a memory."""

    def __init__(self, model: HookedModel, patterns: Patterns) -> None:
        self._model = model
        self._patterns = patterns
        self._recent: Remembered[Pictures | ValueNorms] = Remembered(model, _BYTES_KEPT)

    def heads(self, state: State, look: Look, heads: Sequence[int], most: int) -> Job[Pictures]:
        """Some heads of a layer, each with at most `most` entries on a side."""
        return self._job(lambda stop: self._heads(state, look, tuple(heads), most, stop))

    def part(
        self, state: State, look: Look, head: int, queries: range, keys: range, factor: int
    ) -> Job[Part]:
        """The part of one head between these queries and keys."""

        def work(stop: Callable[[], bool]) -> Part:
            values, note = self._numbers(state, look, (head,), stop)
            cut = values[0, queries.start : queries.stop, keys.start : keys.stop]
            return Part(pooled(cut, factor), note)

        return self._job(work)

    def rows(self, state: State, look: Look, head: int) -> Job[torch.Tensor]:
        """`[2, query]`: of every query the share on the first key, and that on all keys."""

        def work(stop: Callable[[], bool]) -> torch.Tensor:
            edits = () if look.moment == "before" else state.active
            pattern = self._patterns.of_heads(state, edits, look.site, (head,), stop)[0]
            return torch.stack([pattern[:, 0], pattern.sum(-1)])

        return self._job(work)

    def _job(self, work: Callable[[Callable[[], bool]], T]) -> Job[T]:
        def looked(stop: Callable[[], bool]) -> T:
            with self._recent.as_it_is():
                return work(stop)

        def steps(job: Job[T]) -> Steps[T]:
            return (yield from job.uninterrupted(lambda: looked(job.should_stop)))

        return self._patterns.submit(Job(steps, Priority.FETCH))

    def _heads(
        self,
        state: State,
        look: Look,
        heads: tuple[int, ...],
        most: int,
        stop: Callable[[], bool],
    ) -> Pictures:
        edits = () if look.moment == "before" else state.active
        key = (state.tokens, edits, look, heads, most)
        self._draw_all(state, look, edits, heads, most, stop)
        known = self._recent.get(key)
        if isinstance(known, Pictures):
            return known
        values, note = self._numbers(state, look, heads, stop)
        pattern = self._patterns.of_heads(state, edits, look.site, heads, stop)
        made = _drawn(values, pattern, most, note)
        self._recent.keep(key, made, made.values.nbytes)
        return made

    def _draw_all(
        self,
        state: State,
        look: Look,
        edits: tuple[Intervention, ...],
        heads: tuple[int, ...],
        most: int,
        stop: Callable[[], bool],
    ) -> None:
        """Draw every layer in one run, where that is a bird's-eye view of a long prompt.

        Each pattern is drawn as it comes past, so that there is never more than one of them.
        """
        model, total = self._model, 0
        rest: dict[Site, tuple[Hashable, Callable[[torch.Tensor], None]]] = {}
        if look.moment == "change" or look.weight == "value":
            return
        if heads != tuple(range(model.n_heads(look.layer, cross=look.cross))):
            return
        if self._patterns.are_small(state, look.site):
            return
        for layer in range(model.n_layers):
            each = replace(look, layer=layer)
            every = tuple(range(model.n_heads(layer, cross=look.cross)))
            key = (state.tokens, edits, each, every, most)
            if every and each.site in model.sites and self._recent.get(key) is None:
                total += 4 * len(every) * most * most
                rest[each.site] = (key, partial(self._see, key, most))
        if look.site in rest and total <= _BYTES_KEPT // 2:
            looks = {site: see for site, (_, see) in rest.items()}
            look_at(model, state.tokens, edits, looks, stop)

    def _see(self, key: Hashable, most: int, pattern: torch.Tensor) -> None:
        values = pattern[0].float()
        made = _drawn(values, values, most, "")
        self._recent.keep(key, made, made.values.nbytes)

    def _numbers(
        self, state: State, look: Look, heads: tuple[int, ...], stop: Callable[[], bool]
    ) -> tuple[torch.Tensor, str]:
        """`[head, query, key]` at full resolution, and a note."""
        if look.moment != "change":
            edits = () if look.moment == "before" else state.active
            return self._weighed(state, look, edits, heads, stop)
        before, _ = self._weighed(state, look, (), heads, stop)
        after, note = self._weighed(state, look, state.active, heads, stop)
        return after - before, note

    def _weighed(
        self,
        state: State,
        look: Look,
        edits: tuple[Intervention, ...],
        heads: tuple[int, ...],
        stop: Callable[[], bool],
    ) -> tuple[torch.Tensor, str]:
        pattern = self._patterns.of_heads(state, edits, look.site, heads, stop)
        if look.weight == "pattern":
            return pattern, ""
        moved = self._norms(state, look, edits, stop)
        chosen = ValueNorms(moved.norms[list(heads)], moved.note)
        return weighted(pattern, chosen), moved.note

    def _norms(
        self,
        state: State,
        look: Look,
        edits: tuple[Intervention, ...],
        stop: Callable[[], bool],
    ) -> ValueNorms:
        key = ("norms", state.tokens, edits, look.layer, look.cross)
        known = self._recent.get(key)
        if isinstance(known, ValueNorms):
            return known
        made = value_norms(
            self._model, state.tokens, look.layer, edits, cross=look.cross, cancelled=stop
        )
        self._recent.keep(key, made, made.norms.nbytes)
        return made


def _drawn(values: torch.Tensor, pattern: torch.Tensor, most: int, note: str) -> Pictures:
    """Heads `[head, query, key]` with at most `most` entries on a side."""
    room = max(1, int((_ENTRIES_AT_ONCE / max(1, len(values))) ** 0.5))
    factor = factor_for(max(values.shape[-2:], default=1), min(most, room))
    later = pattern[:, 1:] if pattern.shape[1] > 1 else pattern
    first, rest = later[..., 0].mean(-1), 1 - pattern.sum(-1).mean(-1)
    small = pooled(values, factor)
    # A copy where nothing was pooled: what came past is not kept as a whole.
    return Pictures(small.cpu().clone(), factor, first.cpu(), rest.cpu(), note)
