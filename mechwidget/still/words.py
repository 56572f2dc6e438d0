"""Texts and numbers as a still picture prints them.

In: tokens, sentences and numbers from a model or a file. Out: escaped text in which everything
invisible is visible, cut by characters, and numbers as people read them.
"""

from __future__ import annotations

import math
import unicodedata
from html import escape

MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
_NONE = "\N{EN DASH}"
_OPEN = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"
_CLOSE = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
_NAMED = {"\n": "⏎", "\r": "␍", "\t": "⇥"}
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Cs"}
_LONGEST_TOKEN = 40
_LONGEST_TEXT = 300


def token(text: object, longest: int = _LONGEST_TOKEN) -> str:
    """A token, escaped: its leading and trailing spaces as dots, what is invisible by name."""
    return escape(shortened(visible(str(text)), longest))


def said(text: object, longest: int = _LONGEST_TEXT) -> str:
    """A sentence or a name, escaped; what turns the direction of writing is shown, not done."""
    shown = "".join(_shown(character) for character in str(text))
    return escape(shortened(shown, longest))


def shortened(text: str, longest: int) -> str:
    """At most so many characters, the last of them an ellipsis where it is longer."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def visible(text: str) -> str:
    """The text of a token with everything invisible made visible."""
    if not text:
        return "∅"
    bare = text.strip(" ")
    if not bare:
        return "·" * len(text)
    start = len(text) - len(text.lstrip(" "))
    end = len(text) - len(text.rstrip(" "))
    shown = "".join(_shown(character) for character in bare)
    lone = "◌" if unicodedata.category(bare[0])[0] == "M" and not start else ""
    return f"{'·' * start}{lone}{shown}{'·' * end}"


def plain(value: float | None) -> str:
    """As many digits as can be compared at a glance, a true minus; a dash for what is not known."""
    if value is None or math.isnan(value):
        return _NONE
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size = abs(value)
    text = f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", MINUS)


def signed(value: float | None) -> str:
    """The same with a sign, where the sign is the news."""
    text = plain(value)
    grows = value is not None and value > 0 and float(text.replace("∞", "inf")) > 0
    return f"+{text}" if grows else text


def exact(value: float | None) -> str:
    """A number to compare by: four significant digits."""
    return _NONE if value is None else f"{value:.4g}".replace("-", MINUS)


def percent(share: float) -> str:
    """12%, 3.4%, <0.1%."""
    value = 100 * share
    if not math.isfinite(value):
        return _NONE
    if value == 0:
        return "0%"
    if value < 0.1:
        return "<0.1%"
    if value < 9.95:
        return f"{value:.1f}%"
    return ">99%" if 99.5 <= value < 100 else f"{value:.0f}%"


def _shown(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    category = unicodedata.category(character)
    if category not in _INVISIBLE and (category != "Zs" or character == " "):
        return character
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else f"{_OPEN}{code:04X}{_CLOSE}"
