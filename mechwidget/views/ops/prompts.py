"""The prompts around the prompt: those asked before, and the reference that means are taken over.

In flow the arguments of a request; out flow texts, or a session with other reference prompts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.errors import ProtocolError

if TYPE_CHECKING:
    from mechwidget.session import Session
    from mechwidget.wire import Arguments, Channel, Request

_MOST_PROMPTS = 2_000
_MOST_CHARACTERS = 1_000_000


class Prompts:
    """The ops about the prompts of one session that are not being run."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.recent_prompts, self.reference, self.set_reference, self.swap_prompts):
            channel.on(op.__name__, op)

    def recent_prompts(self, args: Arguments, _: Request) -> dict[str, Any]:
        """The prompts that the session has been about, the newest first."""
        args.only()
        return {"prompts": list(self._session.recent_prompts)}

    def reference(self, args: Arguments, _: Request) -> dict[str, Any]:
        """The reference prompts: the texts, and how many there are that are none."""
        args.only()
        given = self._session.now().state.reference
        texts = [each for each in given if isinstance(each, str)]
        return {"prompts": texts, "others": len(given) - len(texts)}

    def set_reference(self, args: Arguments, _: Request) -> dict[str, int]:
        """Put these texts in the place of those that there are; what is no text stays."""
        texts = prompt_texts(args.only("prompts")["prompts"])
        given = self._session.now().state.reference
        others: list[Any] = [each for each in given if not isinstance(each, str)]
        self._session.reference = [*texts, *others]
        return {"revision": self._session.revision}

    def swap_prompts(self, args: Arguments, _: Request) -> dict[str, int]:
        """Let prompt and prompt B change places."""
        args.only()
        self._session.swap_prompts()
        return {"revision": self._session.revision}


def prompt_texts(value: object) -> list[str]:
    """Texts that a page gives as prompts; `ProtocolError` where they are none, or too many."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ProtocolError("'prompts' has to be a list of texts")
    if len(value) > _MOST_PROMPTS or sum(map(len, value)) > _MOST_CHARACTERS:
        raise ProtocolError(
            f"'prompts' has to be at most {_MOST_PROMPTS:,} texts of {_MOST_CHARACTERS:,} "
            "characters together; more can be given in Python"
        )
    return value
