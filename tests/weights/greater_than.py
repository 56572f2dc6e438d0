"""The greater-than task of Hanna et al. 2023 (arXiv 2305.00586).

"The war lasted from the year 1732 to the year 17": years after 32 are right. The corrupted prompt
begins in the year 01 of the century, so that any year is right.

In: any model whose years are two tokens of two digits. Out: prompts, and
the probability of right years less that of wrong ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

import mechwidget as mw
from tests.weights.cached import without_start

TEXT = "The {noun} lasted from the year {century}{year:02d} to the year {century}"
NOUNS = ("war", "siege", "treaty", "voyage", "plan", "reign", "study", "trial", "pursuit", "work")


@dataclass(frozen=True)
class Question:
    """One prompt, its corrupted twin, and the two digits that are to be exceeded."""

    clean: tuple[int, ...]
    corrupted: tuple[int, ...]
    year: int


def digits(model: mw.HookedModel) -> list[int]:
    """The tokens of "00" to "99"."""
    return [model.token_id(f"{year:02d}") for year in range(100)]


def questions(model: mw.HookedModel, n: int) -> Iterator[Question]:
    """Nouns, centuries and years in turn, where every year is two tokens of two digits."""
    known = digits(model)
    made = 0
    for step in range(10_000):
        noun, century = NOUNS[step % len(NOUNS)], 11 + step % 7
        year = 2 + (37 * step) % 97
        clean, corrupted = (
            without_start(model, TEXT.format(noun=noun, century=century, year=y)) for y in (year, 1)
        )
        pairs = [without_start(model, f" {century}{y:02d}") for y in (year, 1)]
        apart = [pair[1:] for pair in pairs] == [(known[year],), (known[1],)]
        if apart and len(clean) == len(corrupted):
            yield Question(clean, corrupted, year)
            made += 1
        if made == n:
            return


def difference(logits: torch.Tensor, year: int, tokens: Sequence[int]) -> float:
    """P(years after) - P(years up to and including it), of the logits `[vocab]` of one position."""
    chance = logits.float().softmax(-1)[list(tokens)]
    return float(chance[year + 1 :].sum() - chance[: year + 1].sum())
