"""Many numbers in a small readable file: vectors as base64, as they were to the last bit.

In: JSON of an intervention or a vector. Out: the same with every list of more than a few floats as
`{"dtype", "shape", "base64"}` (little-endian), and back. float32 where that loses nothing, which
is so of what was read from a model in float32 or 16 bits; else float64.
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from typing import TYPE_CHECKING, Any, TypeGuard

from mechwidget.recipes.problem import RecipeError, short

if TYPE_CHECKING:
    from collections.abc import Sequence

FEW = 16
"""As many stay a list that a person can read."""

MOST_NUMBERS = 2**22
_CODES = {"float32": "f", "float64": "d"}
_PACKED = {"dtype", "shape", "base64"}


def packed(value: Any) -> Any:
    """The same JSON with long lists of floats packed."""
    if isinstance(value, dict):
        return {name: packed(each) for name, each in value.items()}
    if not isinstance(value, list | tuple):
        return value
    shape = _shape(value)
    if shape is None or math.prod(shape) <= FEW:
        return [packed(each) for each in value]
    flat = [each for row in value for each in row] if len(shape) == 2 else list(value)
    return {"dtype": (dtype := _exact(flat)), "shape": shape, "base64": _encoded(flat, dtype)}


def unpacked(value: Any) -> Any:
    """The same JSON with lists where there were packed ones.

    Raises:
        RecipeError: something is packed in another way; the message says what.
    """
    if isinstance(value, list):
        return [unpacked(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) >= _PACKED:
        return _decoded(value)
    return {name: unpacked(each) for name, each in value.items()}


def _shape(value: Sequence[Any]) -> list[int] | None:
    """Of a list of floats, or of equally long lists of them; None of anything else."""
    if _are_floats(value):
        return [len(value)]
    if not value or not all(isinstance(row, list | tuple) and _are_floats(row) for row in value):
        return None
    return [len(value), len(value[0])] if len({len(row) for row in value}) == 1 else None


def _are_floats(value: Sequence[Any]) -> TypeGuard[Sequence[float]]:
    return len(value) > 0 and all(type(each) is float for each in value)


def _exact(flat: list[float]) -> str:
    try:
        return "float32" if array("f", flat).tolist() == flat else "float64"
    except OverflowError:
        return "float64"


def _encoded(flat: list[float], dtype: str) -> str:
    return base64.b64encode(_little(array(_CODES[dtype], flat)).tobytes()).decode("ascii")


def _decoded(value: dict[str, Any]) -> list[Any]:
    code, shape, text = _CODES.get(str(value["dtype"])), value["shape"], value["base64"]
    if code is None:
        raise RecipeError(f"The dtype is {short(value['dtype'])}; expected float32 or float64.")
    if not _is_shape(shape):
        raise RecipeError(f"The shape is {short(shape)}; expected one or two whole numbers.")
    numbers: array[float] = array("d" if code == "d" else "f")
    n_bytes = math.prod(shape) * numbers.itemsize
    if math.prod(shape) > MOST_NUMBERS:
        raise RecipeError(f"The shape {shape} is of more than {MOST_NUMBERS:,} numbers.")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise RecipeError("The numbers are not base64.") from None
    if len(raw) != n_bytes:
        raise RecipeError(f"There are {len(raw):,} bytes; the shape {shape} takes {n_bytes:,}.")
    numbers.frombytes(raw)
    flat = _little(numbers).tolist()
    if not all(map(math.isfinite, flat)):
        raise RecipeError("Not all of the numbers are finite.")
    if len(shape) == 1:
        return flat
    return [flat[start : start + shape[1]] for start in range(0, len(flat), shape[1])]


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list)
        and len(shape) in (1, 2)
        and all(type(each) is int and each > 0 for each in shape)
    )


def _little(numbers: array[float]) -> array[float]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
