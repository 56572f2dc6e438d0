"""Windows: the positions that one call of the model computes, of a text that grows.

A generation calls the model once with the prompt and then, with its cache, once per token: the
hooks see the positions of that call only. Positions are absolute all the same: position 7 is the
eighth token, whether it was given or generated, and a negative one counts from the end of the
prompt.

In: how long the prompt is and which positions are computed. Out: a `Window`, the parts of it that
are prompt or generated, and where a named position is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from mechwidget.errors import InterventionError

When = Literal["both", "prompt", "generated"]
WHEN: tuple[When, ...] = get_args(When)


@dataclass(frozen=True, slots=True)
class Window:
    """The positions `start` … `stop` - 1 of a text whose first `prompt` tokens were given.

    Attributes:
        prompt: the number of tokens that were given.
        start: the first position of the window.
        stop: the first position after it.
        limit: the first position that will never be computed.
    """

    prompt: int
    start: int
    stop: int
    limit: int

    def __len__(self) -> int:
        return self.stop - self.start

    def during(self, when: When) -> Window | None:
        """The part of it that is prompt or generated; None where there is none."""
        start = max(self.start, self.prompt) if when == "generated" else self.start
        stop = min(self.stop, self.prompt) if when == "prompt" else self.stop
        return replace(self, start=start, stop=stop) if start < stop else None

    def place(self, position: int, what: object) -> int:
        """A position that `what` names, counted from the start of the text."""
        found = position + self.prompt if position < 0 else position
        if not 0 <= found < self.limit:
            later = max(self.limit - self.prompt, 0)
            raise InterventionError(
                f"{what} names position {position}; the prompt has {self.prompt} tokens, and "
                f"{later} generated ones at most are read again.",
                "Negative positions count from the end of the prompt.",
            )
        return found

    def __contains__(self, position: int) -> bool:
        return self.start <= position < self.stop
