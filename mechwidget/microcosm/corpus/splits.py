"""Held-out splits: which combinations of words training never sees.

A combination is held out when a hash of its words says so, which needs no seed, no list to ship and
no order of generation: training and evaluation agree by construction.
"""

import hashlib
from itertools import combinations

from mechwidget.microcosm.corpus.world import NAMES

SHARE = 10  # one combination in ten


def held_out(*words: str) -> bool:
    """Whether this ordered combination is kept for evaluation."""
    digest = hashlib.md5("|".join(words).encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:4], "big") % SHARE == 0


def held_out_pair(a: str, b: str) -> bool:
    """Whether two people never meet in one training row, in whichever order."""
    return held_out("pair", *sorted((a, b)))


STRANGERS: dict[str, frozenset[str]] = {
    name: frozenset(other for other in NAMES if other != name and held_out_pair(name, other))
    for name in NAMES
}
HELD_OUT_PAIRS: tuple[tuple[str, str], ...] = tuple(
    pair for pair in combinations(NAMES, 2) if held_out_pair(*pair)
)
