"""A vocabulary without a model: token `i` is the text ` ti`."""

from __future__ import annotations

from mechwidget.errors import TokenError


class Words:
    """`n` words, each one token."""

    def __init__(self, n: int) -> None:
        self.n = n

    def token_id(self, text: str | int) -> int:
        if isinstance(text, str):
            text = int(text.removeprefix(" t")) if text.startswith(" t") else -1
        if not 0 <= text < self.n:
            raise TokenError(f"not one token of {self.n}")
        return text

    def token_text(self, token_id: int) -> str:
        return f" t{token_id}"
