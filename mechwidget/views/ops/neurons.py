"""What the neurons view fetches: which stand out, how they go along the tokens, what they say.

In flow the arguments of a request; out flow frames, once the session has them. Of all neurons of a
model only the top of each layer travel, and whole rows only of those that are on screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.analysis import neuron_strips, neuron_tokens
from mechwidget.analysis.neuron_table import ORDERS
from mechwidget.errors import ProtocolError
from mechwidget.interventions import Neuron
from mechwidget.views.deferred import Then
from mechwidget.views.neuron_ranking import ranking_of
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mechwidget.analysis import NeuronRanking, NeuronTokens
    from mechwidget.session import Session
    from mechwidget.session.state import State

MOST_STRIPS = 64
MOST_PER_LAYER = 256
_TOKENS_TOLD = 6

Answer = tuple[dict[str, Any], Frame]
Strips = tuple["npt.NDArray[np.float32]", ...]


class Neurons:
    """The ops that look at neurons of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.neurons, self.neuron_strips, self.neuron_tokens):
            channel.on(op.__name__, op)

    def neurons(self, args: Arguments, _: Request) -> Then[Answer]:
        """The top: `[layer, k, (index, position, before, after, effect before and after)]`."""
        args.only("order", "position", "k")
        order = args.choice("order", *ORDERS)
        k = args.integer("k", 1, MOST_PER_LAYER)
        position = None if args.get("position") is None else self._position(args)
        bound = self._session.now().state.bound

        def answer(found: NeuronRanking) -> Answer:
            columns = (found.index, found.position, found.before, found.after)
            effects = (found.effect_before, found.effect)
            about = {
                "order": order,
                "layers": list(found.layers),
                "totals": list(found.totals),
                "without": [{"layer": layer, "reason": why} for layer, why in found.without],
                "gated": found.gated,
                "effect_of": None if found.reason or bound is None else bound.label,
                "effect_position": found.effect_position,
                "reason": found.reason,
                "note": found.note,
            }
            return about, encode(np.stack((*columns, *effects), -1).astype(np.float32))

        # The page picks the words for `order`; the type of a checked choice is one of them.
        return Then(ranking_of(self._session, order, position, k), answer)  # type: ignore[arg-type]

    def neuron_strips(self, args: Arguments, _: Request) -> Then[tuple[Any, ...]]:
        """Activations along the tokens, `[neuron, pos]`: without edits and, if any are on, with."""
        neurons = self._named(args.only("neurons"))
        model = self._session.model

        def work(state: State, cancelled: Callable[[], bool]) -> Strips:
            sides = neuron_strips(model, state.tokens, neurons, state.active, cancelled=cancelled)
            return sides if state.active else sides[:1]

        def answer(found: Strips) -> tuple[Any, ...]:
            return {"edited": len(found) > 1}, *(encode(side, "f16") for side in found)

        key = ("neuron strips", tuple(neurons))
        return Then(self._session.read(key, work, _bytes_of), answer)

    def neuron_tokens(self, args: Arguments, _: Request) -> Then[dict[str, Any]]:
        """The tokens that a neuron speaks for and against, in logits per unit of activation."""
        args.only("layer", "index", "position")
        [neuron] = self._named({"neurons": [[args["layer"], args["index"]]]})
        position, model = self._position(args), self._session.model

        def work(state: State, cancelled: Callable[[], bool]) -> NeuronTokens:
            return neuron_tokens(
                model,
                state.tokens,
                neuron,
                state.active,
                position=position,
                k=_TOKENS_TOLD,
                cancelled=cancelled,
            )

        def answer(found: NeuronTokens) -> dict[str, Any]:
            def told(ids: tuple[int, ...], gains: Any) -> list[dict[str, Any]]:
                pairs = zip(ids, gains, strict=True)
                return [{"text": model.token_text(i), "gain": float(g)} for i, g in pairs]

            return {
                "position": found.position,
                "promoted": told(found.promoted, found.gains),
                "suppressed": told(found.suppressed, found.losses),
                "note": found.note,
            }

        key = ("neuron tokens", neuron, position)
        return Then(self._session.read(key, work, lambda _found: 1000), answer)

    def _position(self, args: Arguments) -> int:
        last = len(self._session.now().state.tokens) - 1
        return args.integer("position", 0, last)

    def _named(self, args: Any) -> list[Neuron]:
        named = args["neurons"]
        if not isinstance(named, list) or not 0 < len(named) <= MOST_STRIPS:
            raise ProtocolError(f"'neurons' has to be a list of 1 to {MOST_STRIPS} pairs")
        pairs = [pair for pair in named if isinstance(pair, list) and len(pair) == 2]
        whole = [pair for pair in pairs if all(type(number) is int for number in pair)]
        if len(whole) < len(named):
            raise ProtocolError("each of 'neurons' has to be a layer and an index")
        neurons = [Neuron(layer, index) for layer, index in whole]
        for neuron in neurons:
            neuron.check(self._session.model)
        return neurons


def _bytes_of(strips: Strips) -> int:
    return sum(strip.nbytes for strip in strips)
