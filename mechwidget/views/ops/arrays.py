"""What a page fetches to draw: attention patterns.

In flow the arguments of a request; out flow frames, once the session has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.interventions import Head
from mechwidget.session.patterns import sides_of
from mechwidget.views.deferred import Then
from mechwidget.views.pattern_frame import pattern_frame
from mechwidget.wire import Arguments, Channel, Frame, Request

if TYPE_CHECKING:
    import torch

    from mechwidget.models import Tokens
    from mechwidget.session import Session

Answer = tuple[dict[str, Any], Frame]


class Arrays:
    """The ops that read arrays off one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        channel.on("pattern", self.pattern)

    def pattern(self, args: Arguments, _: Request) -> Then[Answer]:
        """The attention pattern of one head, [query, key]."""
        args.only("layer", "head", "edited", "cross")
        now, model = self._session.now(), self._session.model
        layer = args.integer("layer", 0, model.n_layers - 1)
        cross = "cross" in args and args.boolean("cross")
        most = model.n_heads(layer, cross=cross) - 1
        head = Head(layer, args.integer("head", 0, most), cross=cross)
        tokens = now.state.tokens
        queries, keys = sides_of(model, tokens, layer, cross=cross)
        about = {
            "layer": layer,
            "head": head.head,
            "revision": now.revision,
            "queries": side(queries, tokens),
            "keys": side(keys, tokens),
        }
        causal = not cross and model.stack_of(layer).attends == "backwards"

        def answer(pattern: torch.Tensor) -> Answer:
            return about, pattern_frame(pattern, causal=causal)

        return Then(self._session.pattern(head, edited=args.boolean("edited")), answer)


def side(shown: Tokens, tokens: Tokens) -> list[dict[str, Any]] | None:
    """What stands along a side of a pattern; None is the prompt that the page has."""
    if shown is tokens:
        return None
    pairs = zip(shown.texts, shown.special, strict=True)
    return [{"text": text, "special": special} for text, special in pairs]
