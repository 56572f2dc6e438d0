"""A recipe as text: readable JSON in a stable order, within limits.

In: a document (what `json.loads` would give) or text that nobody has checked yet. Out: the other of
the two, or a `RecipeError` that says what was wrong: too large, not UTF-8, not JSON, nested too
deep, a number that is none, a field that stands twice.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from mechwidget.recipes.problem import RecipeError, kind_of, path_of, short
from mechwidget.recipes.schema import SUFFIX, Node, field, items, known_fields, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]
Steps = tuple[str | int, ...]

MOST_BYTES = 16 * 2**20
MOST_DEEP = 64
_WIDTH = 100
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def dumps(document: Document) -> str:
    """The document as text that ends with a line break: known fields in the schema's order.

    Raises:
        RecipeError: it holds what JSON cannot (NaN, bytes …), is nested too deep or too large.
    """
    if not isinstance(document, dict):
        raise RecipeError(f"A recipe is an object, not {kind_of(document)}.")
    text = _written(_ordered(document, schema(), ()), 0) + "\n"
    # Half of a surrogate pair is no UTF-8; JSON has an escape for it.
    text = _HALF_CHARACTER.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    require_size(len(text.encode()))
    return text


def loads(text: str | bytes) -> Document:
    """The document in a text, of whichever version it is.

    Raises:
        RecipeError: it is too large, no UTF-8, no JSON, no object, or nested too deep.
    """
    # A text of MOST_BYTES characters is larger still, and is not encoded to find that out.
    require_size(len(text) if isinstance(text, bytes) else _bytes_of(text))
    document = _parsed(_decoded(text))
    if not isinstance(document, dict):
        raise RecipeError(f"A recipe is an object, and this is {kind_of(document)}.", _EXPECTED)
    for steps, value in leaves(document):
        if isinstance(value, float) and not math.isfinite(value):
            raise RecipeError(f"{path_of(steps)} is too large a number.", _EXPECTED)
    return document


def leaves(document: Any) -> Iterator[tuple[Steps, Any]]:
    """Every value that is no list and no object, with the way to it.

    Raises:
        RecipeError: it is nested deeper than `MOST_DEEP`.
    """
    waiting: list[tuple[Steps, Any]] = [((), document)]
    while waiting:
        steps, value = waiting.pop()
        if len(steps) > MOST_DEEP:
            raise _too_deep()
        if isinstance(value, dict):
            waiting += [((*steps, key), each) for key, each in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [((*steps, nth), each) for nth, each in enumerate(value)]
        else:
            yield steps, value


def require_size(n_bytes: int) -> None:
    """Raise `RecipeError` where a recipe has more bytes than one may have."""
    if n_bytes > MOST_BYTES:
        size, most = n_bytes / 2**20, MOST_BYTES // 2**20
        raise RecipeError(
            f"The file has {size:,.1f} MB; a recipe has at most {most}.",
            "Is it another kind of file?",
        )


_EXPECTED = f"A recipe (*{SUFFIX}) is what session.save(path) writes."


def _bytes_of(text: str) -> int:
    return len(text) if len(text) > MOST_BYTES else len(text.encode(errors="surrogatepass"))


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return bytes(text).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"The file is not UTF-8 text (byte {error.start:,} is 0x{text[error.start]:02x}).",
            _EXPECTED,
        ) from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refused, object_pairs_hook=_object)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise RecipeError(
            f"The file is not JSON: {error.msg} (line {error.lineno:,}, column {error.colno:,}).",
            _EXPECTED,
        ) from None
    except ValueError as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError("The file has a whole number of thousands of digits.") from None


def _refused(name: str) -> Any:
    raise RecipeError(f"The file has the number {name}, which JSON does not have.", _EXPECTED)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RecipeError(f"The file has {short(twice)} twice in one object.", "Take one away.")
    return found


def _too_deep() -> RecipeError:
    return RecipeError(f"The file is nested more than {MOST_DEEP} deep; no recipe is.", _EXPECTED)


def _ordered(value: Any, node: Node, steps: Steps) -> Any:
    """The same with known fields first, in the schema's order; checked to be JSON."""
    if len(steps) > MOST_DEEP:
        raise _too_deep()
    if isinstance(value, dict):
        known = [name for name in known_fields(node) if name in value]
        for name in value:
            if not isinstance(name, str):
                raise RecipeError(f"{path_of(steps) or 'The recipe'} has the key {name!r}.")
        names = [*known, *(name for name in value if name not in known)]
        return {name: _ordered(value[name], field(node, name), (*steps, name)) for name in names}
    if isinstance(value, list | tuple):
        inner = items(node)
        return [_ordered(each, inner, (*steps, nth)) for nth, each in enumerate(value)]
    return _checked(value, steps)


def _checked(value: Any, steps: Steps) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{path_of(steps)} is {value}, which JSON does not have.")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise RecipeError(f"{path_of(steps)} is {type(value).__name__}, which JSON does not have.")


def _written(value: Any, indent: int) -> str:
    """A value in as few lines as it takes to have none longer than a page is wide."""
    flat = _flat(value, _WIDTH - indent)
    if flat is not None:
        return flat
    inside = "\n" + " " * (indent + 2)
    if isinstance(value, dict):
        rows = [f"{_scalar(name)}: {_written(each, indent + 2)}" for name, each in value.items()]
    elif any(isinstance(each, dict | list) for each in value):
        rows = [_written(each, indent + 2) for each in value]
    else:
        return f"[{inside}{_filled(value, indent + 2)}\n{' ' * indent}]"
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}{inside}{f',{inside}'.join(rows)}\n{' ' * indent}{closing}"


def _flat(value: Any, room: int) -> str | None:
    """A value in one line, where there is room for it."""
    if not isinstance(value, dict | list):
        return _scalar(value)
    if 3 * len(value) > room:  # each takes at least a character, a comma and a space
        return None
    parts: list[str] = []
    keys = list(value) if isinstance(value, dict) else []
    for nth, each in enumerate(value.values() if isinstance(value, dict) else value):
        inner = _flat(each, room)
        if inner is None:
            return None
        parts.append(f"{_scalar(keys[nth])}: {inner}" if keys else inner)
        room -= len(parts[-1]) + 2
        if room < 0:
            return None
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}{', '.join(parts)}{closing}"


def _filled(values: list[Any], indent: int) -> str:
    """Many small values, as many in a line as fit."""
    lines, line = [], ""
    for nth, each in enumerate(values):
        piece = _scalar(each) + ("," if nth < len(values) - 1 else "")
        if line and len(line) + 1 + len(piece) > _WIDTH - indent:
            lines.append(line)
            line = piece
        else:
            line = f"{line} {piece}" if line else piece
    return ("\n" + " " * indent).join([*lines, line])


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
