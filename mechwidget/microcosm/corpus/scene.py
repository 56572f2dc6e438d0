"""One scene: the random draws behind one training row, and the people who have appeared in it.

A training scene never lets two people of a held-out pair meet, in whatever role: subject, filler,
distractor, chained document or random word. An evaluation scene (`held_out=True`) does the reverse
for the combination under test.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

from mechwidget.microcosm.corpus.splits import HELD_OUT_PAIRS, STRANGERS, held_out
from mechwidget.microcosm.corpus.world import NAMES

T = TypeVar("T")
MAX_CAST = 12  # beyond this few names are left that know everybody: reuse the cast


class Scene:
    """Draws words for one row; `held_out` selects which side of every split it may use."""

    def __init__(self, rng: random.Random, held_out: bool = False) -> None:
        self.rng = rng
        self.held_out = held_out
        self.cast: list[str] = []
        self._strangers: set[str] = set()

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, uniformly."""
        return self.rng.choice(options)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def allows(self, *combination: str) -> bool:
        """Whether the combination lies on this scene's side of the split."""
        return held_out(*combination) == self.held_out

    def admits(self, word: str) -> bool:
        """Whether the word may appear; a person who may is added to the cast."""
        if word not in STRANGERS or word in self.cast:
            return True
        if not self.held_out and (word in self._strangers or len(self.cast) >= MAX_CAST):
            return False
        self.cast.append(word)
        self._strangers |= STRANGERS[word]
        return True

    def name(self, *others: str) -> str:
        """A person other than the given ones; a new one as long as the cast has room."""
        if not self.held_out and len(self.cast) >= MAX_CAST:
            return self.pick([name for name in self.cast if name not in others])
        while True:
            name = self.pick(NAMES)
            if name not in others and name not in self.cast and self.admits(name):
                return name

    def pair(self) -> tuple[str, str]:
        """Two people: a held-out pair in an evaluation scene, never one in training."""
        if not self.held_out:
            first = self.name()
            return first, self.name(first)
        a, b = self.pick(HELD_OUT_PAIRS)
        self.cast += [a, b]
        return (a, b) if self.chance(0.5) else (b, a)
