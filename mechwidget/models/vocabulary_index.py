"""A search over every token of a model.

What a person types finds the tokens that are it or contain it, in an order that puts what is most
probably meant first: the token itself, the same with a leading space, the same in another case,
tokens that begin with it, tokens that contain it, and those that contain it in another case. Within
one rule the likeliest comes first.

In: the text of every id, and a score for each (a probability, say). Out: the best matches, and how
many there are in all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Rule = Literal["id", "exact", "spaced", "cased", "prefix", "inside", "inside_cased", "any"]
"""How a token was found: it is the id that was asked for; its text is the query; a space and the
query; one of these in another case; begins with one of them; contains the query; contains it in
another case; nothing was asked for."""

_RANK = {rule: rank for rank, rule in enumerate(get_args(Rule))}
_ID = re.compile(r"#(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Match:
    """One token that was found, and by which rule."""

    id: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: the best matches, best first, and how many there are in all."""

    matches: tuple[Match, ...]
    total: int


class VocabularyIndex:
    """The texts of a vocabulary, ready to be searched.

    Args:
        texts: per id; None where there is no such token, which only its id finds.
    """

    def __init__(self, texts: Sequence[str | None]) -> None:
        self._texts = texts
        self._folded = [None if text is None else text.casefold() for text in texts]

    def __len__(self) -> int:
        return len(self._texts)

    def search(self, query: str, scores: Sequence[float] | None = None, most: int = 50) -> Found:
        """The tokens that some text finds.

        Args:
            query: any text at all, case and leading space as they are meant; `#1234` also finds
                the token with that id, and nothing finds them all.
            scores: per id; of two tokens found by one rule that with the higher score comes first,
                of equal ones that with the lower id.
            most: how many matches to give.
        """
        found = [*self._by_id(query), *self._by_text(query)]

        def place(match: tuple[int, Rule]) -> tuple[int, float, int]:
            token, rule = match
            return _RANK[rule], 0.0 if scores is None else -scores[token], token

        best = nsmallest(most, found, key=place)
        return Found(tuple(Match(*each) for each in best), len(found))

    def _by_id(self, query: str) -> list[tuple[int, Rule]]:
        asked = _ID.fullmatch(query)
        if asked is None or int(asked[1]) >= len(self._texts):
            return []
        return [(int(asked[1]), "id")]

    def _by_text(self, query: str) -> Iterable[tuple[int, Rule]]:
        if not query:
            return [(token, "any") for token, text in enumerate(self._texts) if text is not None]
        by_id = {token for token, _ in self._by_id(query)}
        folded, texts = query.casefold(), self._texts
        rule = _ruling(query)
        # Contained in another case is the weakest rule: whatever another finds, it finds too.
        return [
            (token, rule(texts[token] or "", text))
            for token, text in enumerate(self._folded)
            if text is not None and folded in text and token not in by_id
        ]


def _ruling(query: str) -> Callable[[str, str], Rule]:
    """What tells by which rule a text, given also in folded case, is found: the strongest one."""
    spaced, folded = f" {query}", query.casefold()
    starts, whole = (query, spaced), (folded, f" {folded}")

    def rule(text: str, as_folded: str) -> Rule:
        if text == query:
            return "exact"
        if text == spaced:
            return "spaced"
        if as_folded in whole:
            return "cased"
        if text.startswith(starts):
            return "prefix"
        return "inside" if query in text else "inside_cased"

    return rule
