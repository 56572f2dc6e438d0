"""The vocabulary of a model that is described by a `Source` of its own: what the source says.

In: a source. Out: texts of tokens, and the one token that some text is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.errors import MechwidgetError, TokenError
from mechwidget.models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from mechwidget.models.source import Source


class SourceVocabulary(Vocabulary):
    """Looks tokens up by asking the source for the tokens of an id or of a text."""

    def __init__(self, source: Source, size: int) -> None:
        super().__init__(None, size)
        self._source = source

    def text(self, token: int) -> str:
        """What the source says that a token stands for."""
        if token not in self._texts:
            self._texts[token] = self._source.tokens([token]).texts[0]
        return self._texts[token]

    def every_text(self) -> list[str | None]:
        """What the source says of every id; None where it knows no such token."""
        return [self._said(token) for token in range(self.size)]

    def is_special(self, token: int) -> bool:
        """Whether the source says that a token stands for no text of its own."""
        return self._source.tokens([token]).special[0]

    def one_token(self, text: str | int) -> int:
        """The id of the one token that `text` is."""
        if not isinstance(text, str) or not text:
            return super().one_token(text)
        try:
            tokens = self._source.tokens(text)
        except MechwidgetError as error:
            raise TokenError(f"{text!r} is not a token: {error.message}", error.hint) from error
        if len(tokens.ids) != 1:
            parts = ", ".join(map(repr, tokens.texts[:12]))
            raise TokenError(f"{text!r} is not one token but splits into {parts}.")
        return tokens.ids[0]

    def _said(self, token: int) -> str | None:
        try:
            return self._source.tokens([token]).texts[0]
        except MechwidgetError:
            return None
