"""What components and interventions are made of, checked the same way from code and from JSON.

In: whatever a caller or a page sent. Out: plain ints, floats, tuples and prompts, or an
`InterventionError` that says what was expected. Where a number is meant, strings and bools are
refused; numpy and torch numbers are taken.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from operator import index
from typing import Any, TypeAlias

from mechwidget.errors import InterventionError
from mechwidget.models.inputs import Inputs
from mechwidget.models.raw_signal import RawSignal, raw_signal

Given: TypeAlias = str | tuple[int, ...] | RawSignal | Inputs  # a prompt as plain data

LARGEST = 2**31 - 1  # more than any layer, head, neuron or position; keeps JSON integers exact
MOST_POSITIONS = 1_000_000
MOST_NUMBERS = 1_000_000  # in a vector, a row of a pattern or a prompt
LONGEST = 60


def short(value: Any) -> str:
    """`value` as it is shown in an error: a line of a page, not a page."""
    text = reprlib.repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def whole_number(value: Any, what: str) -> int:
    """`value` as an int from 0 up."""
    number = integer(value, what)
    if number < 0:
        raise InterventionError(f"{what} is {number}; expected 0 or more (the first one is 0).")
    return number


def token_positions(value: Any, what: str = "positions") -> tuple[int, ...] | None:
    """`value` as sorted distinct positions (negative ones count from the end), or None for all."""
    if value is None:
        return None
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise InterventionError(
            f"{what} is {short(value)}; expected integers such as (3, 5), or None for all."
        )
    numbers: set[int] = set()
    for item in value:
        numbers.add(integer(item, "a position"))
        if len(numbers) > MOST_POSITIONS:
            raise InterventionError(f"{what} has more than {MOST_POSITIONS:,} entries.")
    if not numbers:
        raise InterventionError(f"{what} is empty.", "Give None to mean all of them.")
    return tuple(sorted(numbers))


def integer(value: Any, what: str) -> int:
    """`value` as an int of either sign."""
    if isinstance(value, bool):
        raise InterventionError(f"{what} is {short(value)}; expected an integer.")
    try:
        number = index(value)
    except TypeError:
        raise InterventionError(f"{what} is {short(value)}; expected an integer.") from None
    if not -LARGEST <= number <= LARGEST:
        raise InterventionError(f"{what} is {number}; expected an integer below {LARGEST:,}.")
    return number


def finite_number(value: Any, what: str) -> float:
    """`value` as a float that is neither NaN nor infinite."""
    if isinstance(value, (bool, str, bytes)):
        raise InterventionError(f"{what} is {short(value)}; expected a number.")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InterventionError(f"{what} is {short(value)}; expected a finite number.")
    return number


def finite_numbers(value: Any, what: str) -> tuple[float, ...]:
    """`value` (a list, an array or a tensor of one axis) as a tuple of floats, not empty."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise InterventionError(f"{what} is {short(value)}; expected a list of numbers.")
    if not 0 < len(value) <= MOST_NUMBERS:
        raise InterventionError(
            f"{what} has {len(value):,} numbers; expected 1 to {MOST_NUMBERS:,}."
        )
    return tuple(finite_number(item, f"a number of {what}") for item in value)


def one_of(value: Any, what: str, choices: tuple[str, ...]) -> str:
    """`value` as one of a few words."""
    if not isinstance(value, str) or value not in choices:
        raise InterventionError(
            f"{what} is {short(value)}; expected {' or '.join(map(repr, choices))}."
        )
    return value


def boolean(value: Any, what: str) -> bool:
    """`value` as True or False."""
    if not isinstance(value, bool):
        raise InterventionError(f"{what} is {short(value)}; expected True or False.")
    return value


def source(value: Any, what: str) -> Given:
    """`value` as a `prompt`, or as pixels or sound; as `Inputs` of them for two stacks."""
    if getattr(value, "encoder", None) is not None and hasattr(value, "ids"):  # `Tokens`
        value = Inputs(value.encoder, value.ids)
    if isinstance(value, Mapping) and set(value) == {"encoder", "decoder"}:
        value = Inputs(**value)
    if isinstance(value, Inputs):
        decoder = value.decoder
        return Inputs(
            raw_signal(value.encoder) or _one_prompt(value.encoder, what),
            None if decoder is None else _one_prompt(decoder, what),
        )
    return raw_signal(value) or _one_prompt(value, what)


def prompt(value: Any, what: str) -> Given:
    """`value` as text or a tuple of token ids, neither empty, or as `Inputs` of them."""
    given = source(value, what)
    if isinstance(getattr(given, "encoder", given), RawSignal):
        raise InterventionError(f"{what} is pixels or sound; expected text or token ids.")
    return given


def _one_prompt(value: Any, what: str) -> str | tuple[int, ...]:
    value = getattr(value, "ids", value)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]  # a tensor `[1, pos]`
    if isinstance(value, (bytes, bytearray)) or not isinstance(value, Sequence) or not value:
        raise InterventionError(f"{what} is {short(value)}; expected text or token ids.")
    if len(value) > MOST_NUMBERS:
        raise InterventionError(f"{what} is longer than {MOST_NUMBERS:,}.")
    if isinstance(value, str):
        return value
    return tuple(whole_number(item, f"a token id of {what}") for item in value)


def brief(value: Given) -> str:
    """A prompt as it is named in a sentence."""
    if isinstance(value, Inputs):
        start = "" if value.decoder is None else f" and {brief(value.decoder)}"
        return f"{brief(value.encoder)}{start}"
    if isinstance(value, RawSignal):
        return str(value)
    text = value if isinstance(value, str) else " ".join(map(str, value[:LONGEST]))
    return f"“{text if len(text) <= LONGEST else f'{text[: LONGEST - 1]}…'}”"
