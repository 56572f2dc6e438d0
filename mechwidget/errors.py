"""The errors that people meet: what was wrong, what was expected, what to do.

Every error that mechwidget raises on purpose is a `MechwidgetError`; each also derives from the
builtin that a caller would guess (`ValueError`, `LookupError` …). `hint` is the sentence that
says what to do next; views show `message` and `hint` apart from each other.
"""

from __future__ import annotations


class MechwidgetError(Exception):
    """Something that a person can mend.

    Attributes:
        message: what was wrong and what was expected.
        hint: what to do about it, possibly empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint


class ModelLoadError(MechwidgetError, OSError):
    """A name or path that no model could be loaded from."""


class UnsupportedModelError(MechwidgetError, TypeError):
    """A model whose residual stream could not be traced; the message says where it stopped."""


class PromptError(MechwidgetError, ValueError):
    """A prompt that the model cannot run: empty, too long, or text without a tokenizer."""


class TokenError(MechwidgetError, ValueError):
    """Text that had to be exactly one token and is not, or a token id outside the vocabulary."""


class ComponentError(MechwidgetError, LookupError):
    """A component that this model does not have; the message names what it has."""


class SiteError(MechwidgetError, LookupError):
    """A site that this model does not have; the message names the nearest valid ones."""


class DictionaryError(MechwidgetError, ValueError):
    """A dictionary of features that cannot be read, is none, or is not known by that name."""


class ReadTooLargeError(MechwidgetError, MemoryError):
    """Activations that would not fit; the message has the number of bytes, and was raised first."""


class InterventionError(MechwidgetError, ValueError):
    """An intervention that cannot be read from JSON or cannot be applied."""


class ProtocolError(MechwidgetError, ValueError):
    """A message from a page that does not follow the wire protocol."""


class CancelledError(MechwidgetError):
    """A run that was stopped because it was cancelled or something newer replaced it."""
