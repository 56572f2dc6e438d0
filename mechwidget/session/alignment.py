"""Two prompts token by token, as the session holds them: which position stands over which.

In flow the ids of both. Out flow the columns of `analysis.align`, remembered, because every message
to a page names them: equally long prompts stand position under position (which is what a patch of
the same positions means), others with the fewest edits between them.
"""

from __future__ import annotations

from functools import lru_cache

from mechwidget.analysis.alignment import align

Pair = tuple[int | None, int | None]


@lru_cache(maxsize=32)
def aligned(here: tuple[int, ...], there: tuple[int, ...]) -> tuple[Pair, ...]:
    """Every position of both prompts once; None where one has no counterpart."""
    return align(here, there).columns
