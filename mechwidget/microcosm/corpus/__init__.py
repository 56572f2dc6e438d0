"""The corpus: a mixture of documents, laid out in training rows.

Flow: `world`, `countries`, `templates` (data) -> one function per kind of document, all drawing
from a `Scene` -> `row()` chains documents of one scene into one training row.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from mechwidget.microcosm.corpus import dialogue, knowledge, sequences, stories
from mechwidget.microcosm.corpus.document import Document
from mechwidget.microcosm.corpus.lexicon import lexicon
from mechwidget.microcosm.corpus.scene import Scene

__all__ = ["MIXTURE", "Document", "Row", "Scene", "lexicon", "row", "rows"]

MIXTURE: tuple[tuple[Callable[[Scene], Document], float], ...] = (
    (stories.indirect_object, 0.20),
    (stories.stranger_gives, 0.05),
    (stories.gender, 0.06),
    (stories.agreement, 0.07),
    (knowledge.fact, 0.19),
    (knowledge.origin, 0.04),
    (knowledge.in_context, 0.09),
    (knowledge.arrow, 0.02),
    (sequences.succession, 0.04),
    (sequences.neighbour, 0.03),
    (sequences.greater_than, 0.09),
    (dialogue.review, 0.06),
    (dialogue.chat, 0.06),
)
P_REPEATS = 0.12  # share of rows that are repeats of random words
P_CHAIN = 0.12  # chance that one more document follows in the row
_KINDS = [kind for kind, _ in MIXTURE]
_SHARES = [share for _, share in MIXTURE]
_WORDS = tuple(lexicon()[0])


@dataclass(frozen=True)
class Row:
    """One row of training text; the loss skips the first `unlearnable` tokens."""

    text: str
    unlearnable: int = 0


def document(scene: Scene) -> Document:
    """A document of a random kind."""
    return scene.rng.choices(_KINDS, _SHARES)[0](scene)


def _repeats(scene: Scene, long: bool = False) -> Row:
    words, unlearnable = sequences.repeats(scene, _WORDS, long)
    return Row(" ".join(words), unlearnable)


def row(rng: random.Random) -> Row:
    """An ordinary row: usually one document, sometimes a chain, sometimes random repeats."""
    scene = Scene(rng)
    if scene.chance(P_REPEATS):
        return _repeats(scene)
    texts = [document(scene).text]
    while scene.chance(P_CHAIN):
        texts.append(document(scene).text)
    return Row(" ".join(texts))


def long_row(rng: random.Random, characters: int = 700) -> Row:
    """A row that fills the context window, so that every position is trained."""
    scene = Scene(rng)
    if scene.chance(0.5):
        return _repeats(scene, long=True)
    texts: list[str] = []
    while sum(map(len, texts)) < characters:
        texts.append(document(scene).text)
    return Row(" ".join(texts))


def rows(rng: random.Random, count: int) -> list[Row]:
    """One training step's worth of rows, one of them long."""
    return [row(rng) for _ in range(count - 1)] + [long_row(rng)]
