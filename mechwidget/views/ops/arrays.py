"""What a page fetches to draw: attention patterns, scores of heads, effects of ablation.

In flow the arguments of a request; out flow frames, once the session has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.analysis import SCORES
from mechwidget.interventions import Head
from mechwidget.session.patterns import sides_of
from mechwidget.views.deferred import Then
from mechwidget.views.pattern_frame import pattern_frame
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    import torch

    from mechwidget.models import Tokens
    from mechwidget.session import Session
    from mechwidget.session.patterns import Scores
    from mechwidget.session.sweep import Grid

Answer = tuple[dict[str, Any], Frame]


class Arrays:
    """The ops that read arrays off one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.pattern, self.scores, self.effects):
            channel.on(op.__name__, op)

    def pattern(self, args: Arguments, _: Request) -> Then[Answer]:
        """The attention pattern of one head, [query, key]."""
        args.only("layer", "head", "edited", "cross")
        snapshot, model = self._session.snapshot(), self._session.model
        layer = args.integer("layer", 0, model.n_layers - 1)
        cross = "cross" in args and args.boolean("cross")
        most = model.n_heads(layer, cross=cross) - 1
        head = Head(layer, args.integer("head", 0, most), cross=cross)
        tokens = snapshot.state.tokens
        queries, keys = sides_of(model, tokens, layer, cross=cross)
        about = {
            "layer": layer,
            "head": head.head,
            "revision": snapshot.revision,
            "queries": side(queries, tokens),
            "keys": side(keys, tokens),
        }
        causal = not cross and model.stack_of(layer).attends == "backwards"

        def answer(pattern: torch.Tensor) -> Answer:
            return about, pattern_frame(pattern, causal=causal)

        return Then(self._session.pattern(head, edited=args.boolean("edited")), answer)

    def scores(self, args: Arguments, _: Request) -> Then[Answer]:
        """One score of every head, as [layer, head]."""
        name = args.only("name").choice("name", *SCORES)

        def answer(scores: Scores) -> Answer:
            return {"name": name, "unit": "attention", "reason": scores.reason}, encode(
                scores.values
            )

        return Then(self._session.scores(name), answer)

    def effects(self, args: Arguments, request: Request) -> Then[Answer]:
        """What ablating each component does, as [layer, head … MLP], growing while it goes on."""
        args.only()
        bound = self._session.snapshot().state.bound
        about = {
            "unit": "nats" if bound is None else bound.unit,
            "label": "KL from the baseline" if bound is None else f"change of {bound.label}",
        }

        def progress(done: int, total: int, grid: Grid) -> None:
            request.progress(done, total, "ablating", [encode(grid)], about)

        return Then(self._session.effects(progress), lambda grid: (about, encode(grid)))


def side(shown: Tokens, tokens: Tokens) -> list[dict[str, Any]] | None:
    """What stands along a side of a pattern; None is the prompt that the page has."""
    if shown is tokens:
        return None
    pairs = zip(shown.texts, shown.special, strict=True)
    return [{"text": text, "special": special} for text, special in pairs]
