"""Token ids to text and back, as the model sees them.

Works per token and walks the vocabulary only for a search, so that 250,000 entries cost nothing.
Byte-level (`Ġ`) and SentencePiece (`▁`, `<0x0A>`) pieces are told apart by tokenising one space.

In: a tokenizer, or None. Out: texts, special flags, bytes, and the one token that some text is, or
a `TokenError` that names the pieces it splits into.
"""

from __future__ import annotations

import re
import threading
from functools import cached_property
from typing import Any

from mechwidget.errors import TokenError
from mechwidget.models.vocabulary_index import VocabularyIndex

_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class Vocabulary:
    """The tokens of one model."""

    def __init__(self, tokenizer: Any, size: int) -> None:
        self.tokenizer = tokenizer
        self.size = size
        self._texts: dict[int, str] = {}
        self._indexing = threading.Lock()
        self._index: VocabularyIndex | None = None

    @property
    def index(self) -> VocabularyIndex:
        """Every token, to be searched; the first look walks the vocabulary (about a second)."""
        with self._indexing:
            if self._index is None:
                self._index = VocabularyIndex(self.every_text())
            return self._index

    def every_text(self) -> list[str | None]:
        """The text of every id, None where the tokenizer knows no such token."""
        if self.tokenizer is None:
            return [None] * self.size
        return [self._known(token) for token in range(self.size)]

    def text(self, token: int) -> str:
        r"""What a token stands for, with its leading space; stray bytes as `\\\\xNN`."""
        if token not in self._texts:
            self._texts[token] = self._text(token)
        return self._texts[token]

    def is_special(self, token: int) -> bool:
        """Whether a token stands for no text of its own."""
        return token in self._special

    def stray(self, token: int) -> bytes | None:
        """The bytes of a token that is not whole UTF-8; None of every other."""
        piece = None if self.tokenizer is None else _piece(self.tokenizer, token)
        if piece is None or token in self._added:
            return None
        raw = _raw(piece) if self._style == "bytes" else _byte_of(piece)
        return None if raw is None or _is_text(raw) else raw

    def one_token(self, text: str | int) -> int:
        """The id of the one token that `text` is."""
        if isinstance(text, bool) or not isinstance(text, (str, int)):
            raise TokenError(f"{text!r} is not a token; expected text or a token id.")
        if isinstance(text, int):
            if 0 <= text < self.size:
                return text
            raise TokenError(f"Token id {text} is outside the vocabulary (0 to {self.size - 1}).")
        if self.tokenizer is None:
            raise TokenError(
                f"{text!r} cannot be looked up: this model has no tokenizer.", "Give a token id."
            )
        if not text:
            raise TokenError("The token text is empty; expected the text of exactly one token.")
        found = self._lookup(text)
        if found is None:
            raise self._not_one(text)
        return found

    def pieces(self, text: str) -> list[int]:
        """The ids that `text` splits into, special tokens not added; none without a tokenizer."""
        if self.tokenizer is None:
            return []
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _lookup(self, text: str) -> int | None:
        pieces = [text, text.replace(" ", "▁")] if self._style != "bytes" else [_as_bytes(text)]
        for piece in pieces:
            token = self.tokenizer.convert_tokens_to_ids(piece)
            if isinstance(token, int) and 0 <= token < self.size and self.text(token) == text:
                return token
        ids = self.pieces(text)
        if len(ids) != 1 or not 0 <= ids[0] < self.size:
            return None
        return None if ids[0] == self.tokenizer.unk_token_id else ids[0]

    def _not_one(self, text: str) -> TokenError:
        parts = ", ".join(repr(self.text(token)) for token in self.pieces(text)[:12])
        tries = [" " + text] if not text.startswith(" ") else [text.strip()]
        near = next((t for t in tries if t and self._lookup(t) is not None), None)
        if near is None:
            hint = "Use one of its pieces, or a token id."
        elif near.startswith(" "):
            hint = f"{near!r}, with a leading space, is one token."
        else:
            hint = f"{near!r}, without the space, is one token."
        return TokenError(f"{text!r} is not one token but splits into {parts}.", hint)

    def _text(self, token: int) -> str:
        known = None if self.tokenizer is None else self._known(token)
        return f"[{token}]" if known is None else known

    def _known(self, token: int) -> str | None:
        piece = _piece(self.tokenizer, token)
        if piece is None or token in self._added:
            return self._added.get(token)
        if self._style == "bytes":
            raw = _raw(piece)
        else:
            raw = _byte_of(piece)
            piece = piece.replace("▁", " ")
        return piece if raw is None else raw.decode("utf-8", "backslashreplace")

    @cached_property
    def _style(self) -> str:
        pieces = [_piece(self.tokenizer, token) or "" for token in self.pieces(" a b")]
        return "bytes" if any("Ġ" in piece for piece in pieces) else "plain"

    @cached_property
    def _special(self) -> frozenset[int]:
        return frozenset(getattr(self.tokenizer, "all_special_ids", None) or ())

    @cached_property
    def _added(self) -> dict[int, str]:
        added = getattr(self.tokenizer, "added_tokens_decoder", None) or {}
        return {token: str(entry.content) for token, entry in added.items()}


def _piece(tokenizer: Any, token: int) -> str | None:
    try:
        piece = tokenizer.convert_ids_to_tokens(token)
    except (IndexError, KeyError, OverflowError):
        return None
    return piece if isinstance(piece, str) else None


def _byte_alphabet() -> dict[int, str]:
    """GPT-2's printable stand-in for every byte: itself where printable, else 256 and up."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    stand_ins = {byte: chr(byte) for byte in printable}
    stand_ins.update((byte, chr(256 + i)) for i, byte in enumerate(rest))
    return stand_ins


_TO_CHARACTER = _byte_alphabet()
_TO_BYTE = {character: byte for byte, character in _TO_CHARACTER.items()}


def _as_bytes(text: str) -> str:
    return "".join(_TO_CHARACTER[byte] for byte in text.encode())


def _raw(piece: str) -> bytes | None:
    """The bytes that a byte-level piece stands for."""
    if not all(character in _TO_BYTE for character in piece):
        return None
    return bytes(_TO_BYTE[character] for character in piece)


def _byte_of(piece: str) -> bytes | None:
    """The byte that a SentencePiece `<0x0A>` stands for."""
    byte = _BYTE_PIECE.fullmatch(piece)
    return None if byte is None else bytes([int(byte[1], 16)])


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
