"""What the attention view draws beyond one small pattern: many heads, and parts of long ones.

In flow the arguments of a request; out flow frames of bytes at the resolution that is drawn, so
that no pattern of a long prompt ever crosses the wire whole. The edges of a key are cut here too,
as one change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.errors import ProtocolError
from mechwidget.interventions import Edge, KnockOut
from mechwidget.session.pattern_pictures import Look
from mechwidget.session.patterns import sides_of
from mechwidget.views.deferred import Then
from mechwidget.views.ops.arrays import side
from mechwidget.views.pattern_frame import amounts_frame, pattern_frame
from mechwidget.wire import Frame, encode

if TYPE_CHECKING:
    import torch

    from mechwidget.models import Tokens
    from mechwidget.session import Session
    from mechwidget.session.pattern_pictures import Part, Pictures
    from mechwidget.session.state import State
    from mechwidget.wire import Arguments, Channel, Request

Answer = tuple[dict[str, Any], Frame]

_LOOK = ("layer", "moment", "weight", "cross")
_MOST_ENTRIES = 512  # on a side of what is drawn of one head
_MOST_FACTOR = 2**16
MOST_EDGES = 128
"""Edges that one click may cut: each is an intervention of its own in the list."""


class Patterns:
    """The ops that draw attention."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.patterns, self.pattern_part, self.pattern_rows, self.knock_out):
            channel.on(op.__name__, op)

    def patterns(self, args: Arguments, _: Request) -> Then[Answer]:
        """Some heads of a layer, or all, as [head, row, column] of at most `most` a side."""
        args.only(*_LOOK, "heads", "most")
        look, state = self._look(args), self._session.now().state
        heads = self._heads(args, look)
        most = args.integer("most", 1, _MOST_ENTRIES)
        queries, keys = self._sides(state, look)
        about = {
            "layer": look.layer,
            "heads": heads,
            "n_queries": len(queries),
            "n_keys": len(keys),
            "queries": side(queries, state.tokens),
            "keys": side(keys, state.tokens),
            "sink": self._has_sink(look),
        }

        def answer(pictures: Pictures) -> Answer:
            numbers = {
                "factor": pictures.factor,
                "first": pictures.first.tolist(),
                "rest": pictures.rest.tolist(),
                "note": pictures.note,
            }
            return about | numbers, self._frame(look, pictures.values)

        return Then(self._session.pictures.heads(state, look, heads, most), answer)

    def pattern_part(self, args: Arguments, _: Request) -> Then[Answer]:
        """What lies between some queries and some keys of one head, `factor` tokens to an entry."""
        args.only(*_LOOK, "head", "queries", "keys", "factor")
        look, state = self._look(args), self._session.now().state
        head = args.integer("head", 0, self._n_heads(look) - 1)
        factor = args.integer("factor", 1, _MOST_FACTOR)
        rows, columns = self._sides(state, look)
        queries = _span(args, "queries", len(rows), factor)
        keys = _span(args, "keys", len(columns), factor)

        def answer(part: Part) -> Answer:
            return {"note": part.note}, self._frame(look, part.values, causal=False)

        job = self._session.pictures.part(state, look, head, queries, keys, factor)
        return Then(job, answer)

    def pattern_rows(self, args: Arguments, _: Request) -> Then[Answer]:
        """Of every query of one head the share on the first key, and on all keys: [2, query]."""
        args.only("layer", "moment", "cross", "head")
        look, state = self._look(args), self._session.now().state
        head = args.integer("head", 0, self._n_heads(look) - 1)

        def answer(rows: torch.Tensor) -> Answer:
            return {"sink": self._has_sink(look)}, encode(rows, "f16")

        return Then(self._session.pictures.rows(state, look, head), answer)

    def knock_out(self, args: Arguments, _: Request) -> dict[str, int]:
        """Cut edges of one head, or restore them where all are cut: one change to undo."""
        args.only("layer", "head", "edges", "cross")
        model, cross = self._session.model, "cross" in args and args.boolean("cross")
        layer = args.integer("layer", 0, model.n_layers - 1)
        head = args.integer("head", 0, model.n_heads(layer, cross=cross) - 1)
        wanted = [
            KnockOut(Edge(layer, head, query, key, cross=cross)) for query, key in _edges(args)
        ]
        listed = set(self._session.interventions)
        if listed.issuperset(wanted):
            rest = [each for each in self._session.interventions if each not in set(wanted)]
        else:
            missing = [each for each in wanted if each not in listed]
            rest = [*self._session.interventions, *missing]
        self._session.interventions = rest
        return {"revision": self._session.revision}

    def _look(self, args: Arguments) -> Look:
        layer = args.integer("layer", 0, self._session.model.n_layers - 1)
        moment = args.choice("moment", "before", "after", "change")
        weight = args.choice("weight", "pattern", "value") if "weight" in args else "pattern"
        cross = "cross" in args and args.boolean("cross")
        return Look(layer, moment, weight, cross)  # type: ignore[arg-type]  # checked by `choice`

    def _n_heads(self, look: Look) -> int:
        heads = self._session.model.n_heads(look.layer, cross=look.cross)
        if not heads:
            why = self._session.model.why_no_heads(look.layer, cross=look.cross)
            raise ProtocolError(f"Layer {look.layer} has no patterns to draw: {why}.")
        return heads

    def _heads(self, args: Arguments, look: Look) -> list[int]:
        known = range(self._n_heads(look))
        wanted = args.get("heads")
        if wanted is None:
            return list(known)
        if not isinstance(wanted, list) or not 0 < len(wanted) <= len(known):
            raise ProtocolError(f"'heads' has to be a list of 1 to {len(known)} heads")
        if any(type(head) is not int or head not in known for head in wanted):
            raise ProtocolError(f"layer {look.layer} has heads 0 to {known[-1]}")
        return list(wanted)

    def _sides(self, state: State, look: Look) -> tuple[Tokens, Tokens]:
        return sides_of(self._session.model, state.tokens, look.layer, cross=look.cross)

    def _has_sink(self, look: Look) -> bool:
        block = self._session.model.ledger.blocks[look.layer]
        attention = block.cross if look.cross else block.attention
        return attention is not None and attention.sink

    def _frame(self, look: Look, values: torch.Tensor, *, causal: bool = True) -> Frame:
        backwards = self._session.model.stack_of(look.layer).attends == "backwards"
        causal = causal and backwards and not look.cross
        if look.moment == "change" or look.weight == "value":
            return amounts_frame(values, causal=causal)
        return pattern_frame(values, causal=causal)


def _span(args: Arguments, name: str, count: int, factor: int) -> range:
    """From one token to another, that one excluded, small enough to be drawn."""
    ends = args[name]
    right = isinstance(ends, list) and len(ends) == 2 and all(type(end) is int for end in ends)
    if not right or not 0 <= ends[0] < ends[1] <= count:
        raise ProtocolError(f"{name!r} has to be two token positions in order, at most {count}")
    if ends[1] - ends[0] > _MOST_ENTRIES * factor:
        raise ProtocolError(f"{name!r} has to be at most {_MOST_ENTRIES * factor} tokens apart")
    return range(*ends)


def _edges(args: Arguments) -> list[tuple[int, int]]:
    edges = args["edges"]
    if not isinstance(edges, list) or not edges:
        raise ProtocolError("'edges' has to be a list of [query, key]")
    if len(edges) > MOST_EDGES:
        raise ProtocolError(
            f"{len(edges)} edges at once are more than a list of interventions is for; "
            f"{MOST_EDGES} are the most"
        )
    for edge in edges:
        if not isinstance(edge, list) or [type(end) for end in edge] != [int, int]:
            raise ProtocolError("'edges' has to be a list of [query, key]")
    return [(query, key) for query, key in edges]
