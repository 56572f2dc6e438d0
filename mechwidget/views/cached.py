"""The cache of a session's prompt, or of what the model goes on to write, asked for in one place.

In flow a session and how to sample; out flows a job, answered from memory where it can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.analysis import CacheContents, cache_contents

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.models.window import When
    from mechwidget.session import Session
    from mechwidget.session.job import Job
    from mechwidget.session.state import State


@dataclass(frozen=True, slots=True)
class Written:
    """What is read after the prompt: so many tokens of its own that the model goes on to write.

    They are those of the continuation under the same settings. None are those of the prompt alone.
    """

    new_tokens: int = 0
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    on: When = "both"


def cache_of(session: Session, written: Written) -> Job[CacheContents]:
    """The cache of the session's prompt under its edits, and without."""
    model = session.model

    def work(state: State, cancelled: Callable[[], bool]) -> CacheContents:
        generated: tuple[int, ...] = ()
        if written.new_tokens:
            generation = model.generate(
                state.tokens,
                state.active,
                written.new_tokens,
                written.temperature,
                written.top_p,
                written.seed,
                on=written.on,
                cancelled=cancelled,
            )
            with generation:
                generated = tuple(step.id for step in generation if not step.ended)
        # The last token of a full context was written, and can be read no more.
        fits = None if model.max_positions is None else model.max_positions - len(state.tokens)
        return cache_contents(
            model,
            state.tokens,
            state.active,
            generated[:fits],
            on=written.on,
            cancelled=cancelled,
        )

    return session.read(("cache", written), work, bytes_of)


def bytes_of(found: CacheContents) -> int:
    """What its norms take in memory."""
    sides = [side for layer in found.layers for side in (layer.keys, layer.values)]
    return 1000 + sum(3 * side.before.nbytes for side in sides if side is not None)
