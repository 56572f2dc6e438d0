"""The prompts that a session has been about, so that a person finds one of them again.

In flow texts, whoever set them; out flow the newest few, each once. Undo does not take one back:
what was asked stays asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mechwidget.session.state import State

_MOST = 24
_MOST_CHARACTERS = 200_000
"""Of all together: they go to a page in one message."""


class PromptHistory:
    """Texts, the newest first."""

    def __init__(self) -> None:
        self.texts: tuple[str, ...] = ()

    def follow(self, old: State, new: State) -> None:
        """Remember what a change has put in the place of the prompt or of prompt B."""
        if new.other_prompt != old.other_prompt:
            self.add(new.other_prompt)
        if new.prompt != old.prompt:
            self.add(new.prompt)

    def add(self, prompt: object) -> None:
        """Put a prompt first; what is no text is not remembered."""
        if not isinstance(prompt, str) or self.texts[:1] == (prompt,):
            return
        texts = (prompt, *(text for text in self.texts if text != prompt))[:_MOST]
        room = _MOST_CHARACTERS
        kept = []
        for text in texts:
            room -= len(text)
            if room < 0:
                break
            kept.append(text)
        self.texts = tuple(kept)
