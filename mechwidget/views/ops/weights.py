"""What the weights view asks: circuits of a head, composition scores, norms, nearest tokens.

In flow the arguments of a request; out flow JSON with tokens as the page shows them, and frames,
growing while they are computed. Of many heads only the strongest pairs and a map by layers travel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from mechwidget.analysis.composition import Kind
from mechwidget.analysis.head_circuits import CIRCUITS, MOST_DISTANCE
from mechwidget.interventions import Head
from mechwidget.views.deferred import Then
from mechwidget.views.weight_reads import WeightReads
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    import numpy.typing as npt

    from mechwidget.analysis import Composition, TokenNeighbours, TokenPairs, WeightNorms
    from mechwidget.analysis.head_circuits import Ranked
    from mechwidget.session import Session
    from mechwidget.views.weight_reads import Count

Json = dict[str, Any]

MOST_TOKENS = 64
MOST_HEADS = 400  # whose scores travel one by one
MOST_EDGES = 600


class Weights:
    """The ops that look at the weights of one session's model."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._reads = WeightReads(session)

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        ops = (self.head_circuit, self.head_pairs, self.token_neighbours)
        for op in (*ops, self.composition, self.weight_norms):
            channel.on(op.__name__, op)

    def head_circuit(self, args: Arguments, _: Request) -> Then[Json]:
        """Whom a token attends to through a head, and what the head then says."""
        args.only("layer", "head", "token", "k", "distance")
        head, distance = self._head(args), args.integer("distance", 0, MOST_DISTANCE)

        def answer(found: Count) -> Json:
            circuit, of, copying = found
            return {
                "token": self._token(circuit.token),
                "vocabulary": of.n_tokens,
                "distance": distance,
                "rotates": of.maps.rotates,
                "cap": of.maps.cap,
                "copying": copying if math.isfinite(copying) else None,
                "keys": self._ranked(circuit.keys),
                "queries": self._ranked(circuit.queries),
                "raised": self._ranked(circuit.raised),
                "suppressed": self._ranked(circuit.suppressed),
                "qk_reason": of.qk_reason,
                "ov_reason": of.ov_reason,
            }

        job = self._reads.token(head, self._id(args), self._count(args), distance)
        return Then(job, answer)

    def head_pairs(self, args: Arguments, request: Request) -> Then[Json]:
        """The pairs of tokens with the largest entries of a circuit, among all of them."""
        args.only("layer", "head", "circuit", "k", "distance", "lowest")
        circuit = args.choice("circuit", *CIRCUITS)

        def answer(found: TokenPairs) -> Json:
            pairs = zip(found.first, found.second, found.values, strict=True)
            return {
                "looked_at": found.looked_at,
                "pairs": [
                    {"first": self._token(int(a)), "second": self._token(int(b)), "value": float(x)}
                    for a, b, x in pairs
                ],
            }

        job = self._reads.pairs(
            self._head(args),
            circuit,  # type: ignore[arg-type]  # a checked choice is one of them
            self._count(args),
            args.integer("distance", 0, MOST_DISTANCE),
            lowest="lowest" in args and args.boolean("lowest"),
            progress=lambda done, total: request.progress(done, total, "blocks of pairs"),
        )
        return Then(job, answer)

    def token_neighbours(self, args: Arguments, _: Request) -> Then[Json]:
        """The tokens nearest to one in the embedding, by cosine."""
        args.only("token", "k")
        token = self._id(args)

        def answer(found: TokenNeighbours) -> Json:
            near = zip(found.ids, found.cosines, strict=True)
            return {
                "token": self._token(token),
                "length": found.length,
                "nearest": [{**self._token(int(i)), "value": float(x)} for i, x in near],
            }

        return Then(self._reads.nearest(token, self._count(args)), answer)

    def composition(self, args: Arguments, request: Request) -> Then[tuple[Any, ...]]:
        """Composition scores of one kind: a matrix, and the strongest pairs of heads."""
        kind: Any = args.only("kind").choice("kind", *get_args(Kind))

        def told(found: Composition) -> None:
            about, *frames = _composition(found, kind)
            request.progress(found.done, found.total, "layers", frames, about)

        return Then(self._reads.composition(told), lambda found: _composition(found, kind))

    def weight_norms(self, args: Arguments, request: Request) -> Then[tuple[Any, ...]]:
        """Norms: of QK and of OV `[layer, head]`, and of what MLPs write `[layer]`."""
        args.only()

        def told(found: WeightNorms) -> None:
            about, *frames = _norms(found)
            request.progress(found.done, len(found.mlp), "layers", frames, about)

        return Then(self._reads.norms(told), _norms)

    def _head(self, args: Arguments) -> Head:
        model = self._session.model
        layer = args.integer("layer", 0, model.n_layers - 1)
        return Head(layer, args.integer("head", 0, max(0, model.n_heads(layer) - 1)))

    def _id(self, args: Arguments) -> int:
        ledger = self._session.model.ledger
        return args.integer("token", 0, max(1, ledger.n_tokens, ledger.vocab_size) - 1)

    @staticmethod
    def _count(args: Arguments) -> int:
        return args.integer("k", 1, MOST_TOKENS)

    def _token(self, token: int) -> Json:
        return {"id": token, "text": self._session.model.vocabulary.text(token)}

    def _ranked(self, ranked: Ranked | None) -> list[Json] | None:
        if ranked is None:
            return None
        found = zip(ranked.ids, ranked.values, strict=True)
        return [{**self._token(int(i)), "value": float(x)} for i, x in found]


def _composition(found: Composition, kind: Kind) -> tuple[Any, ...]:
    scores: npt.NDArray[np.float32] = getattr(found, kind)
    by_head = len(found.heads) <= MOST_HEADS
    about = {
        "kind": kind,
        "heads": [list(each) for each in found.heads],
        "by": "head" if by_head else "layer",
        "chance": found.chance,
        "reasons": _reasons(found.reasons),
        "done": found.done,
        "total": found.total,
    }
    matrix = scores if by_head else _by_layers(found, scores)
    return about, encode(matrix, "f16"), encode(_edges(scores), "f32")


def _edges(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The strongest pairs, `[edge, (writer, reader, score)]`, the strongest first."""
    writer, reader = np.nonzero(np.isfinite(scores))
    values = scores[writer, reader]
    if len(values) > MOST_EDGES:
        top = np.argpartition(-values, MOST_EDGES)[:MOST_EDGES]
        writer, reader, values = writer[top], reader[top], values[top]
    order = np.argsort(-values, kind="stable")
    edges = np.stack((writer, reader, values), -1)[order]
    return edges.astype(np.float32).reshape(-1, 3)


def _by_layers(found: Composition, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The largest score between the heads of two layers, `[writer's, reader's]`."""
    of = np.array([layer for layer, _ in found.heads])
    starts = np.nonzero(np.diff(of, prepend=-1))[0]
    filled = np.where(np.isfinite(scores), scores, -np.inf)
    largest: npt.NDArray[np.float32] = np.maximum.reduceat(
        np.maximum.reduceat(filled, starts, 0), starts, 1
    )
    largest[~np.isfinite(largest)] = np.nan
    return largest


def _norms(found: WeightNorms) -> tuple[Json, Frame, Frame, Frame]:
    about = {"reasons": _reasons(found.reasons), "done": found.done}
    return about, encode(found.qk, "f32"), encode(found.ov, "f32"), encode(found.mlp, "f32")


def _reasons(reasons: dict[int, str]) -> list[Json]:
    return [{"layer": layer, "reason": reason} for layer, reason in sorted(reasons.items())]
