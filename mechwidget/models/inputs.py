"""A prompt for a model with two stacks.

In: one prompt for each. Out: a frozen value that `run` takes where it takes a prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Inputs:
    """What each of two stacks reads, e.g. `mw.Inputs(encoder="Translate.", decoder="Übersetze")`.

    Attributes:
        encoder: text or ids, pixels or sound for the encoder; of a model that compares images
            with texts, the image.
        decoder: text or ids for the stack whose positions the logits have; None is the one token
            that the decoder starts with. Of a model that compares, the text.
    """

    encoder: Any
    decoder: Any = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, where both are text or ids; `InterventionError` where one is a signal."""
        return {"encoder": _plain(self.encoder), "decoder": _plain(self.decoder)}


def _plain(part: Any) -> Any:
    if hasattr(part, "to_json"):
        return part.to_json()
    return list(part) if isinstance(part, tuple) else part
