"""What the attribution view fetches first: the terms of embeddings, heads, MLPs and biases.

In flow the arguments of a request; out flow frames of `[run, layer, part]` with the terms outside
the layers beside them, run 0 without edits and run 1, if any are on, with; and the neurons of the
layers that are opened, those with the largest terms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.analysis import NeuronEffects, attribution, attribution_target, neuron_effects
from mechwidget.errors import ProtocolError
from mechwidget.views.deferred import Then
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.analysis import Attribution as Found
    from mechwidget.analysis import AttributionTarget, DirectAttribution
    from mechwidget.session import Session
    from mechwidget.session.job import Job
    from mechwidget.session.state import State

MOST_NEURONS = 256  # of one layer
_NEURON_LAYERS = 128  # in one answer

Answer = tuple[dict[str, Any], Frame]
Sides = tuple[NeuronEffects, ...]


def attribution_of(session: Session) -> Job[Found]:
    """The attribution of a session's metric, without its edits and with them."""

    def work(state: State, cancelled: Callable[[], bool]) -> Found:
        return attribution(
            session.model,
            state.tokens,
            state.metric,
            state.active,
            position=state.position,
            cancelled=cancelled,
        )

    return session.read(("attribution",), work, lambda found: 4 * found.baseline.heads.nbytes)


def neurons_of(session: Session, layers: Sequence[int]) -> Job[Sides]:
    """The terms of all neurons of some layers, without the session's edits and with them."""
    model = session.model

    def work(state: State, cancelled: Callable[[], bool]) -> Sides:
        target = attribution_target(
            model, state.tokens, state.metric, position=state.position, cancelled=cancelled
        ).metric
        return tuple(
            neuron_effects(model, state.tokens, target, edits, layers=layers, cancelled=cancelled)
            for edits in ((), *([state.active] if state.active else []))
        )

    key = ("attribution neurons", tuple(layers))
    return session.read(key, work, _bytes_of)


class Attribution:
    """The ops that attribute the metric of one session directly."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.attribution, self.attribution_neurons):
            channel.on(op.__name__, op)

    def attribution(self, args: Arguments, _: Request) -> Then[Answer]:
        """All terms: `[run, layer, (head …, attention, MLP, other)]`."""
        args.only()
        model = self._session.model

        def answer(found: Found) -> Answer:
            runs = [found.baseline, *([] if found.edited is None else [found.edited])]
            about = {
                **target_json(self._session, found.target),
                "note": runs[-1].note,
                "heads": model.most_heads,
                "neurons": [model.n_neurons(layer) for layer in range(model.n_layers)],
                "runs": [_ends_json(run) for run in runs],
            }
            return about, encode(np.stack([_grid(run) for run in runs]).astype(np.float32))

        return Then(attribution_of(self._session), answer)

    def attribution_neurons(self, args: Arguments, _: Request) -> Then[Answer]:
        """The largest of some layers: `[layer, k, (index, without edits, with)]`."""
        layers = self._layers(args.only("layers", "k", "order"))
        k, order = args.integer("k", 1, MOST_NEURONS), args.choice("order", "value", "change")

        def answer(sides: Sides) -> Answer:
            known = [layer for layer in layers if layer in sides[0].values]
            about = {
                "layers": known,
                "sums": [[float(s.values[n].sum(dtype=np.float64)) for n in known] for s in sides],
            }
            tops = [top_neurons(sides, layer, k, order) for layer in known]
            most = max((len(top) for top in tops), default=0)
            table = np.full((len(tops), most, 3), -1, dtype=np.float32)
            for row, top in enumerate(tops):
                table[row, : len(top)] = top
            return about, encode(table)

        return Then(neurons_of(self._session, layers), answer)

    def _layers(self, args: Arguments) -> list[int]:
        named, n = args["layers"], self._session.model.n_layers
        whole = isinstance(named, list) and all(type(one) is int and 0 <= one < n for one in named)
        if not whole or not 0 < len(named) <= _NEURON_LAYERS:
            raise ProtocolError(f"'layers' has to be a list of layers, from 0 to {n - 1}")
        return sorted(set(named))


def top_neurons(sides: Sides, layer: int, k: int, order: str) -> npt.NDArray[np.float64]:
    """`[k, (index, without edits, with)]`: the neurons of one layer with the largest terms.

    By the larger of the two, or by how far the edits moved them.
    """
    before, after = (side.values[layer].astype(np.float64) for side in (sides[0], sides[-1]))
    size = np.abs(after - before) if order == "change" else np.maximum(abs(before), abs(after))
    top = np.argsort(-size, kind="stable")[:k]
    return np.stack([top, before[top], after[top]], -1)


def target_json(session: Session, target: AttributionTarget) -> dict[str, Any]:
    """What is attributed: the token or the two, where they are read, why not something else."""
    model = session.model
    bound = target.metric.bind(model, len(session.now().state.tokens))
    return {
        "label": bound.label,
        "position": bound.position,
        "tokens": [model.token_text(token) for token in bound.tokens],
        "reason": target.reason,
    }


def _grid(run: DirectAttribution) -> npt.NDArray[np.float64]:
    return np.concatenate([run.heads, np.stack([run.attention, run.mlp, run.rest], -1)], -1)


def _ends_json(run: DirectAttribution) -> dict[str, float | None]:
    """The terms outside the layers; None of what cannot be told apart."""
    parts = {
        "token": run.token,
        "place": run.position,
        "embed": run.embed,
        "norm_bias": run.norm_bias,
        "unembed_bias": run.unembed_bias,
        "total": run.total,
        "metric": run.metric,
    }
    return {name: float(v) if np.isfinite(v) else None for name, v in parts.items()}


def _bytes_of(sides: Sides) -> int:
    return sum(values.nbytes for side in sides for values in side.values.values())
