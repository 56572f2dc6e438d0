"""Two prompts token by token: which position of one stands over which of the other.

In flow the ids of both. Out flow pairs of positions, in order: equally long prompts stand position
under position (which is what a patch of the same positions means), others where they agree, with
what lies between paired from the left.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import lru_cache

Pair = tuple[int | None, int | None]


@lru_cache(maxsize=32)
def aligned(here: tuple[int, ...], there: tuple[int, ...]) -> tuple[Pair, ...]:
    """Every position of both prompts once; None where one has no counterpart."""
    if len(here) == len(there):
        return tuple((position, position) for position in range(len(here)))
    pairs: list[Pair] = []
    matcher = SequenceMatcher(None, here, there, autojunk=False)
    for _, a, a_end, b, b_end in matcher.get_opcodes():
        both = min(a_end - a, b_end - b)
        pairs += [(a + i, b + i) for i in range(both)]
        pairs += [(i, None) for i in range(a + both, a_end)]
        pairs += [(None, i) for i in range(b + both, b_end)]
    return tuple(pairs)
