"""Python source laid out in lines that fit: literals, calls, comments.

Text that a person wrote becomes a literal or a comment and never anything else: what is not
printable (line ends, NUL, marks that turn the direction of writing) is escaped in both.

In: values. Out: expressions, and lines of source at most `WIDTH` columns wide.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from unicodedata import east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

WIDTH = 88
_CHUNK = 64  # columns of one piece of a long literal: fits where it stands, however deep
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Group:
    """What stands in brackets: a call, a list.

    Attributes:
        head: what stands before the items, bracket included, e.g. `mw.Head(`.
        items: each with what stands before it, e.g. `("mode=", "'mean'")`.
        tail: the closing bracket.
        filled: whether many items share a line where they do not fit on one.
        between: what parts the items; with a comma, the last one has one too in its own line.
    """

    head: str
    items: tuple[tuple[str, Expression], ...]
    tail: str
    filled: bool = False
    between: str = ", "

    def __str__(self) -> str:
        return f"{self.head}{self.between.join(f'{a}{b}' for a, b in self.items)}{self.tail}"


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal."""

    value: str

    def __str__(self) -> str:
        return quoted(self.value)

    def pieces(self) -> Iterator[str]:
        """Literals that stand beside each other for the whole."""
        piece = ""
        for character in self.value:
            if piece and columns(quoted(piece + character)) > _CHUNK:
                yield quoted(piece)
                piece = ""
            piece += character
        yield quoted(piece)


Expression: TypeAlias = str | Group | Text


def call(name: str, *arguments: Expression, **named: Expression) -> Group:
    """A call of `name`."""
    items = [("", each) for each in arguments]
    return Group(f"{name}(", (*items, *((f"{key}=", each) for key, each in named.items())), ")")


def listed(items: Iterable[Expression]) -> Group:
    """A list, one item per line where it is long."""
    return Group("[", tuple(("", item) for item in items), "]")


def numbers(values: Iterable[float], *, double: bool = False) -> Group:
    """A list of numbers, several per line where it is long."""
    return Group("[", tuple(("", number(v, double=double)) for v in values), "]", filled=True)


def number(value: float, *, double: bool = False) -> str:
    """The shortest digits that stand for a number, in float32 unless `double`."""
    if isinstance(value, int) or double or not _is_single(value):
        return repr(value)
    wanted = struct.pack("f", value)
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if _is_single(float(text)) and struct.pack("f", float(text)) == wanted:
            return repr(float(text))
    return repr(value)


def _is_single(value: float) -> bool:
    try:
        struct.pack("f", value)
    except OverflowError:
        return False
    return True


def quoted(text: str) -> str:
    """A string literal in double quotes, where that takes no more escapes."""
    plain = repr(text)
    if plain[0] == "'" and '"' not in text:
        return f'"{plain[1:-1]}"'
    return plain


def statement(before: str, expression: Expression, after: str = "", indent: str = "") -> list[str]:
    """`before`, the expression, `after`: on one line where it fits."""
    line = f"{indent}{before}{expression}{after}"
    if columns(line) <= WIDTH or isinstance(expression, str):
        return [line]
    deeper = indent + _INDENT
    if isinstance(expression, Text):
        pieces = [f"{deeper}{piece}" for piece in expression.pieces()]
        return [f"{indent}{before}(", *pieces, f"{indent}){after}"]
    first, last = f"{indent}{before}{expression.head}", f"{indent}{expression.tail}{after}"
    if expression.filled:
        return [first, *_filled([str(item) for _, item in expression.items], deeper), last]
    comma = expression.between.strip()
    inside = [statement(name, item, comma, deeper) for name, item in expression.items]
    return [first, *(line for lines in inside for line in lines), last]


def _filled(items: Sequence[str], indent: str) -> Iterator[str]:
    line = indent
    for item in items:
        if len(line) + len(item) + 2 > WIDTH and line.strip():
            yield line.rstrip()
            line = indent
        line += f"{item}, "
    yield line.rstrip()


def comment(text: str) -> list[str]:
    """Text as comment lines; what is not printable is escaped."""
    rest, lines = shown(text), []
    while rest:
        end = len(rest)
        while columns(rest[:end]) > WIDTH - 2:
            space = rest.rfind(" ", 1, end - 1)
            end = space if space > 0 and columns(rest[:space]) > _CHUNK // 2 else end - 1
        lines.append(f"# {rest[:end].strip()}".rstrip())
        rest = rest[end:].strip()
    return lines


def shown(text: str) -> str:
    """Text with what is not printable escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def columns(text: str) -> int:
    """How wide text is: signs of East Asian scripts take two columns."""
    if text.isascii():
        return len(text)
    return sum(1 + (east_asian_width(character) in "WF") for character in text)
