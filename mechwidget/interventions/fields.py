"""The integers and positions inside components, checked the same way from code and from JSON.

In: whatever a caller or a page sent. Out: plain ints and tuples, or an `InterventionError` that
says what was expected. Strings and bools are refused, numpy and torch integers are taken.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from operator import index
from typing import Any

from mechwidget.errors import InterventionError

LARGEST = 2**31 - 1  # more than any layer, head, neuron or position; keeps JSON integers exact
MOST_POSITIONS = 1_000_000
LONGEST = 60


def short(value: Any) -> str:
    """`value` as it is shown in an error: a line of a page, not a page."""
    text = reprlib.repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def whole_number(value: Any, what: str) -> int:
    """`value` as an int from 0 up."""
    number = _integer(value, what)
    if number < 0:
        raise InterventionError(f"{what} is {number}; expected 0 or more (the first one is 0).")
    return number


def token_positions(value: Any) -> tuple[int, ...] | None:
    """`value` as sorted distinct positions (negative ones count from the end), or None for all."""
    if value is None:
        return None
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise InterventionError(
            f"positions is {short(value)}; expected integers such as (3, 5), or None for all."
        )
    numbers: set[int] = set()
    for item in value:
        numbers.add(_integer(item, "a position"))
        if len(numbers) > MOST_POSITIONS:
            raise InterventionError(f"positions has more than {MOST_POSITIONS:,} entries.")
    if not numbers:
        raise InterventionError("positions is empty.", "Give None to mean every position.")
    return tuple(sorted(numbers))


def _integer(value: Any, what: str) -> int:
    if isinstance(value, bool):
        raise InterventionError(f"{what} is {short(value)}; expected an integer.")
    try:
        number = index(value)
    except TypeError:
        raise InterventionError(f"{what} is {short(value)}; expected an integer.") from None
    if not -LARGEST <= number <= LARGEST:
        raise InterventionError(f"{what} is {number}; expected an integer below {LARGEST:,}.")
    return number
