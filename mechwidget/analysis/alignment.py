"""The alignment: which token of prompt B stands where in prompt A, and which of them differ.

Prompts of one length are aligned position by position, as minimal pairs are meant. Others are
aligned with the fewest edits over their token ids (Levenshtein 1966), and among those with the
most tokens that are equal. Where a run of tokens was replaced by a longer or shorter one, their
ends match: the last token of a name is where a decoder has read all of it.

In: the tokens of two prompts. Out: `Alignment`, from which views draw one prompt under the other
and patches learn where to take from.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

import numpy as np

from mechwidget.models import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

Column = tuple[int | None, int | None]
_MOST_CELLS = 2**24


@dataclass(frozen=True, slots=True)
class Alignment:
    """Prompt B under prompt A.

    Attributes:
        columns: (position in A, position in B) from left to right, each position once; None where
            the other prompt has a token and this one has not.
        b_of_a: per position of A the position of B that it matches, or None.
        differs: per position of A whether B holds another token there, or none.
        by: "position" where both are equally long, else "edits".
    """

    columns: tuple[Column, ...]
    b_of_a: tuple[int | None, ...]
    differs: tuple[bool, ...]
    by: Literal["position", "edits"]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(position in A, position in B) of everything that has a counterpart."""
        return tuple((a, b) for a, b in enumerate(self.b_of_a) if b is not None)

    @property
    def only_b(self) -> tuple[int, ...]:
        """Positions of B that A has no counterpart for."""
        return tuple(b for a, b in self.columns if a is None and b is not None)


def align(a: Tokens | Sequence[int], b: Tokens | Sequence[int]) -> Alignment:
    """Align prompt `b` under prompt `a`, each given as `Tokens` or token ids."""
    ids_a, ids_b = _ids(a), _ids(b)
    if len(ids_a) == len(ids_b):
        columns: tuple[Column, ...] = tuple((i, i) for i in range(len(ids_a)))
    else:
        columns = tuple(_columns(ids_a, ids_b))
    b_of_a = {here: there for here, there in columns if here is not None}
    mapped = tuple(b_of_a[position] for position in range(len(ids_a)))
    return Alignment(
        columns=columns,
        b_of_a=mapped,
        differs=tuple(
            at is None or ids_a[position] != ids_b[at] for position, at in enumerate(mapped)
        ),
        by="position" if len(ids_a) == len(ids_b) else "edits",
    )


def _ids(prompt: Tokens | Sequence[int]) -> tuple[int, ...]:
    return prompt.ids if isinstance(prompt, Tokens) else tuple(prompt)


def _columns(a: tuple[int, ...], b: tuple[int, ...]) -> Iterator[Column]:
    """Both prompts with equal beginnings and ends left out of the search."""
    start = _equal_for(a, b)
    end = _equal_for(a[start:][::-1], b[start:][::-1])
    yield from ((i, i) for i in range(start))
    middle = _fewest_edits(a[start : len(a) - end], b[start : len(b) - end])
    for here, there in middle:
        yield (
            None if here is None else start + here,
            None if there is None else start + there,
        )
    yield from ((len(a) - i, len(b) - i) for i in range(end, 0, -1))


def _equal_for(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    """How many tokens are equal from the start."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))


def _fewest_edits(a: tuple[int, ...], b: tuple[int, ...]) -> list[Column]:
    if len(a) * len(b) > _MOST_CELLS:
        return _difflib_edits(a, b)
    costs, one = _costs(np.array(a), np.array(b))
    columns: list[Column] = []
    i, j = len(a), len(b)
    while i or j:
        here = costs[i, j]
        if i and j and here == costs[i - 1, j - 1] + (0 if a[i - 1] == b[j - 1] else one + 1):
            i, j = i - 1, j - 1
            columns.append((i, j))
        elif i and here == costs[i - 1, j] + one:
            i -= 1
            columns.append((i, None))
        else:
            j -= 1
            columns.append((None, j))
    return columns[::-1]


def _costs(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], int]:
    """What it takes to make each beginning of b from each of a, and the cost of one edit.

    A replacement costs one more than another edit, and all of these together less than one edit.
    """
    one = len(a) + len(b) + 1
    steps = one * np.arange(len(b) + 1)
    costs = np.empty((len(a) + 1, len(b) + 1), dtype=np.int64)
    costs[0] = steps
    for i, token in enumerate(a):
        row = costs[i] + one
        replaced = costs[i, :-1] + np.where(b == token, 0, one + 1)
        row[1:] = np.minimum(row[1:], replaced)
        # Insertions run along the row: the cheapest start of each, all at once.
        costs[i + 1] = np.minimum.accumulate(row - steps) + steps
    return costs, one


def _difflib_edits(a: tuple[int, ...], b: tuple[int, ...]) -> list[Column]:
    """For prompts too long for every cell of the table: few edits, if not the fewest."""
    columns: list[Column] = []
    # Anchored at tokens that are not everywhere: with those it takes minutes.
    for _, a_from, a_to, b_from, b_to in SequenceMatcher(None, a, b, autojunk=True).get_opcodes():
        both = min(a_to - a_from, b_to - b_from)
        columns += [(i, None) for i in range(a_from, a_to - both)]
        columns += [(None, i) for i in range(b_from, b_to - both)]
        columns += [(a_to - i, b_to - i) for i in range(both, 0, -1)]
    return columns
