"""What may be JSON on the wire, and how much of it.

In: any object a page sent (already parsed, of unknown size and depth) or a handler returned (maybe
with tuples, numpy scalars and NaN). Out: nothing but a `ProtocolError`, or plain JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mechwidget.errors import ProtocolError
from mechwidget.wire.limits import MAX_DEPTH, MAX_OUTGOING_ITEMS

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def check_incoming(value: object, max_items: int, max_bytes: int) -> int:
    """Refuse what is not JSON, too deep or too large; return its rough size in bytes.

    Walks with a stack of its own: a message nested 100,000 deep must not exhaust Python's.
    """
    stack: list[tuple[object, int]] = [(value, 0)]
    items = size = 0
    while stack:
        current, depth = stack.pop()
        items += 1
        if depth > MAX_DEPTH:
            raise ProtocolError(f"the message is nested deeper than {MAX_DEPTH} levels")
        if isinstance(current, Mapping):
            for key, inner in current.items():
                if not isinstance(key, str):
                    raise ProtocolError("the message has a key that is not text")
                size += _text_bytes(key)
                stack.append((inner, depth + 1))
        elif isinstance(current, list | tuple):
            stack.extend((inner, depth + 1) for inner in current)
        else:
            size += _scalar_bytes(current)
        if items + len(stack) > max_items:
            raise ProtocolError(f"the message holds more than {max_items} values")
        if size > max_bytes:
            raise ProtocolError(f"the message is larger than {max_bytes} bytes")
    return size


def _text_bytes(text: str) -> int:
    # Four bytes is the most a character takes; exact counting would encode hostile text first.
    return len(text) if text.isascii() else 4 * len(text)


def _scalar_bytes(value: object) -> int:
    if isinstance(value, str):
        return _text_bytes(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ProtocolError("the message holds a number that is not finite")
    if isinstance(value, int) and value.bit_length() > 64:
        raise ProtocolError("the message holds a whole number of more than 64 bits")
    if value is None or isinstance(value, bool | int | float):
        return 8
    raise ProtocolError(f"the message holds a {type(value).__name__}, which is not JSON")


def plain(value: object) -> Json:
    """Turn what a handler returned into JSON: NaN and infinity become null, tuples become lists.

    Raises:
        TypeError: something in it has no JSON form (this is a bug of the handler).
        ValueError: too many values, or nested too deeply.
    """
    budget = [MAX_OUTGOING_ITEMS]
    return _plain(value, 0, budget)


def _plain(value: Any, depth: int, budget: list[int]) -> Json:
    budget[0] -= 1
    if budget[0] < 0:
        raise ValueError(f"more than {MAX_OUTGOING_ITEMS} values: send arrays as frames")
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_key(key): _plain(inner, depth + 1, budget) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, depth + 1, budget) for inner in value]
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):  # numpy and torch scalars
        return _plain(value.item(), depth + 1, budget)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"keys must be text, not {type(key).__name__}")
    return key
