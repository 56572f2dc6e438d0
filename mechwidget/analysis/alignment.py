"""The alignment: which token of prompt B stands where in prompt A, and which of them differ.

Prompts of one length are aligned position by position, as minimal pairs are meant. Others are
aligned by an edit script over their token ids (`difflib`): what is equal matches, a run of tokens
that was replaced matches in order as far as both runs go, the rest has no counterpart.

In: the tokens of two prompts. Out: `Alignment`, from which views draw one prompt under the other
and patches learn where to take from.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

from mechwidget.models import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Column = tuple[int | None, int | None]


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
    for _, a_from, a_to, b_from, b_to in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        both = min(a_to - a_from, b_to - b_from)
        yield from ((a_from + i, b_from + i) for i in range(both))
        yield from ((i, None) for i in range(a_from + both, a_to))
        yield from ((None, i) for i in range(b_from + both, b_to))
