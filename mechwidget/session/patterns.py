"""Attention patterns, fetched when a view wants to draw them.

In flow a state, a layer and a head; out flow jobs whose results are `[query, key]` patterns. While
all patterns of a prompt are small, one run reads every layer, so that moving the pointer over heads
costs one forward pass in all.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mechwidget.models.sites import Site
from mechwidget.session.job import Job, Priority, Steps
from mechwidget.session.looking import look_at
from mechwidget.session.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from mechwidget.interventions import Head, Intervention
    from mechwidget.models import HookedModel, Tokens
    from mechwidget.session.state import State
    from mechwidget.session.worker import Worker

T = TypeVar("T")

_BYTES_KEPT = 64 * 2**20
_BYTES_READ_AT_ONCE = 16 * 2**20


class Patterns:
    """Reads attention patterns of one model, with a memory."""

    def __init__(self, model: HookedModel, worker: Worker) -> None:
        self._model = model
        self._worker = worker
        self._jobs: weakref.WeakSet[Job[Any]] = weakref.WeakSet()
        self._recent: Remembered[torch.Tensor] = Remembered(model, _BYTES_KEPT)

    def pattern(self, state: State, head: Head, *, edited: bool) -> Job[torch.Tensor]:
        """The pattern `[query, key]` of one head, with edits or without."""
        head.check(self._model)
        interventions = state.active if edited else ()

        def work(job: Job[torch.Tensor]) -> Steps[torch.Tensor]:
            site = Site("cross_pattern" if head.cross else "pattern", head.layer)
            one = (head.head,)
            return (
                yield from job.uninterrupted(
                    lambda: self.of_heads(state, interventions, site, one, job.should_stop)[0]
                )
            )

        return self.submit(Job(work, Priority.FETCH))

    def are_small(self, state: State, site: Site) -> bool:
        """Whether the patterns of all layers together are read, and kept, at once."""
        return self._sites_with(site, state.tokens) != [site]

    def of_heads(
        self,
        state: State,
        edits: tuple[Intervention, ...],
        site: Site,
        heads: tuple[int, ...],
        cancelled: Callable[[], bool],
    ) -> torch.Tensor:
        """`[head, query, key]` of some heads of a layer; on the worker's thread only.

        Where all heads of the layer are more than is ever kept, those that were asked for are kept
        if they fit, so that looking about in one long pattern is one run.
        """
        apart = ("heads", state.tokens, edits, site, heads)
        with self._recent.as_it_is():
            known = self._recent.get(apart)
        if known is not None:
            return known
        patterns = self._read(state, edits, site, cancelled=cancelled)[site]
        if heads == tuple(range(len(patterns))):
            return patterns
        chosen = patterns[list(heads)]
        if patterns.nbytes > _BYTES_KEPT:
            self._recent.keep(apart, chosen, chosen.nbytes)
        return chosen

    def close(self) -> None:
        """Cancel what is under way."""
        for job in list(self._jobs):
            job.cancel()

    def submit(self, job: Job[T]) -> Job[T]:
        """Give the worker a job that is cancelled when the session closes."""
        self._jobs.add(job)
        return self._worker.submit(job)

    def _patterns(
        self, job: Job[Any], state: State, edits: tuple[Intervention, ...], site: Site
    ) -> Steps[dict[Site, torch.Tensor]]:
        """The patterns `[head, query, key]` of a site, and of others that came with it."""
        return (
            yield from job.uninterrupted(
                lambda: self._read(state, edits, site, cancelled=job.should_stop)
            )
        )

    def _read(
        self,
        state: State,
        edits: tuple[Intervention, ...],
        site: Site,
        *,
        cancelled: Callable[[], bool],
    ) -> dict[Site, torch.Tensor]:
        with self._recent.as_it_is():
            sites = self._sites_with(site, state.tokens)
            known = {each: self._recent.get((state.tokens, edits, each)) for each in sites}
            if known[site] is not None:
                return {each: pattern for each, pattern in known.items() if pattern is not None}
            patterns: dict[Site, torch.Tensor] = {}

            def see(each: Site, pattern: torch.Tensor) -> None:
                patterns[each] = pattern[0].float().cpu().clone()

            wanted = {each: partial(see, each) for each in sites}
            look_at(self._model, state.tokens, edits, wanted, cancelled)
        for each, pattern in patterns.items():
            self._recent.keep((state.tokens, edits, each), pattern, pattern.nbytes)
        return patterns

    def _sites_with(self, site: Site, tokens: Tokens) -> list[Site]:
        """The sites to read together with one: all of its kind, while they are small together."""
        cross = site.name == "cross_pattern"
        sizes = {}
        for layer in range(self._model.n_layers):
            heads = self._model.n_heads(layer, cross=cross)
            if heads:
                queries, keys = sides_of(self._model, tokens, layer, cross=cross)
                sizes[Site(site.name, layer)] = heads * len(queries) * len(keys) * 4
        small = sum(sizes.values()) <= _BYTES_READ_AT_ONCE
        return list(sizes) if small else [site]


def sides_of(
    model: HookedModel, tokens: Tokens, layer: int, *, cross: bool = False
) -> tuple[Tokens, Tokens]:
    """What stands along the queries and along the keys of a layer's patterns."""
    stack = model.stack_of(layer)
    encoder = tokens if tokens.encoder is None else tokens.encoder
    queries = tokens if stack.main else encoder
    return queries, encoder if cross else queries
