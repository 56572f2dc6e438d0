"""From the terms of one block to its entry in the ledger: which write is what, made by whom.

In: a trace, a block's call and its terms. Out: a `Block`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mechwidget.models.experts import experts_in
from mechwidget.models.leaves import is_linear, is_norm
from mechwidget.models.ledger import Attention, Block, Kind, Place, Route, Write
from mechwidget.models.walk import Terms, adds_up, makers, walk_back

if TYPE_CHECKING:
    import torch

    from mechwidget.models.dataflow import AttentionEvent, Factor
    from mechwidget.models.probing import Prober
    from mechwidget.models.trace import Call, Trace


@dataclass(eq=False)
class _Found:
    """A write, the tensor that is added, and the attention that ran to make it."""

    write: Write
    tensor: torch.Tensor
    event: AttentionEvent | None
    when: int


def read_block(trace: Trace, block: Call, prober: Prober) -> Block:
    """The ledger entry of one block."""
    terms = walk_back(trace, block)
    found = [_find(trace, block, prober, factor, t) for factor, t in terms.branches]
    found.sort(key=lambda entry: entry.when)
    return Block(
        place=place(block),
        writes=tuple(entry.write for entry in found),
        additive=adds_up(block, terms) and not _are_scaled_by_vectors(terms),
        sequential=_is_sequential(trace, block, terms, found),
        attention=_attention(trace, block, found, "attention"),
        cross=_attention(trace, block, found, "cross"),
        experts=experts_in(trace, block),
        norms=_norms(trace, block),
    )


def _norms(trace: Trace, block: Call) -> tuple[Place, ...]:
    """The norms over the width of the stream; those over heads or neurons are not among them."""
    if block.x is None:
        return ()
    shape = (block.x.numel(), block.x.shape[-1])
    inside = [
        call
        for call in trace.calls
        if block.entered < call.entered and call.left < block.left and is_norm(call.module)
        if call.x is not None and call.y is not None and call.x.shape == call.y.shape
        if (call.x.numel(), call.x.shape[-1]) == shape
    ]
    # One that norms on behalf of another is the same norm.
    outer = [
        c for c in inside if not any(o.entered < c.entered and c.left < o.left for o in inside)
    ]
    return tuple(place(call) for call in sorted(outer, key=lambda call: call.entered))


def place(call: Call) -> Place:
    """Where a call was made."""
    return Place(call.name, call.nth)


def _find(
    trace: Trace, block: Call, prober: Prober, factor: Factor, tensor: torch.Tensor
) -> _Found:
    made_by = makers(trace, tensor, block)
    number = factor if isinstance(factor, float) else 1.0
    if not made_by:
        nobody: Kind = "bias" if _is_constant(tensor) else "other"
        return _Found(Write(nobody, None, factor=number), tensor, None, block.left)
    inner, source = made_by[0], made_by
    post_norm = is_norm(inner.module)
    if post_norm and inner.x is not None:
        source = _makers_below(trace, inner.x, block)
        if not source:
            several = _of_several(trace, block, prober, made_by, number)
            return _Found(several, tensor, None, inner.left)
    source = _before_mixing(trace, block, source)
    event = _event(trace, block, source)
    linear = _projection(trace, source[0].y, block)
    kind: Kind = "other" if event is None else _attention_kind(trace, block, event)
    if event is None and _is_positionwise(source, prober):
        kind = "mlp"
    write = Write(
        kind,
        place(inner),
        place(linear) if linear else None,
        linear.x.shape[-1] if linear and linear.x is not None else 0,
        number,
        post_norm,
        _entry(block, source[-1]) if kind == "mlp" else None,
    )
    return _Found(write, tensor, event, inner.left)


def _entry(block: Call, whole: Call) -> Place | None:
    """Where the stream, normed or not, goes into the module that is the whole of an MLP."""
    if is_linear(whole.module) or whole.x is None or block.x is None:
        return None
    wide = whole.x.shape[-1] == block.x.shape[-1] and whole.x.numel() == block.x.numel()
    return place(whole) if wide else None


def _are_scaled_by_vectors(terms: Terms) -> bool:
    """Whether what is written is not the number times what its module gave."""
    return any(not isinstance(factor, float) for factor, _ in terms.branches)


def _is_constant(tensor: torch.Tensor) -> bool:
    """Whether it is the same at every position, whatever the token."""
    rows = tensor.reshape(-1, tensor.shape[-1])
    return bool((rows == rows[:1]).all())


def _of_several(
    trace: Trace, block: Call, prober: Prober, made_by: list[Call], factor: float
) -> Write:
    """A norm over a sum, such as shared and routed experts: an MLP when every part is one.

    Or when the whole of it is: the norm may be the last step of the module that sums.
    """
    norm, *around = made_by
    parts = [around] if around else _parts(trace, block, norm.x) if norm.x is not None else []
    an_mlp = all(_event(trace, block, p) is None and _is_positionwise(p, prober) for p in parts)
    return Write("mlp" if parts and an_mlp else "other", place(norm), None, 0, factor, True)


def _before_mixing(trace: Trace, block: Call, source: list[Call]) -> list[Call]:
    """What made the input of a last step without a linear map in it, such as a short convolution.

    Where such a step stands between the output projection and the stream, what it works on is
    the attention's or the MLP's.
    """
    last = source[-1]
    if last.x is None or any(is_linear(part) for part in last.module.modules()):
        return source
    before = makers(trace, last.x, block)
    return before if before and any(map(is_linear, before[-1].module.modules())) else source


def _parts(trace: Trace, block: Call, tensor: torch.Tensor) -> list[list[Call]]:
    """The makers of each term of `tensor`."""
    made_by = makers(trace, tensor, block)
    made = trace.flow.made.get(id(tensor))
    if made_by or made is None or made.how == "gate":
        return [made_by]
    return [part for source in made.of for part in _parts(trace, block, source)]


def _is_positionwise(source: list[Call], prober: Prober) -> bool:
    return bool(source) and (is_linear(source[-1].module) or prober.is_positionwise(source[-1]))


def _makers_below(trace: Trace, tensor: torch.Tensor, block: Call) -> list[Call]:
    """The makers of `tensor`, looking through views and scalings."""
    made_by = makers(trace, tensor, block)
    made = trace.flow.made.get(id(tensor))
    if made_by or made is None or made.how not in ("same", "scale"):
        return made_by
    return _makers_below(trace, made.of[0], block)


def _projection(trace: Trace, tensor: torch.Tensor | None, block: Call) -> Call | None:
    """The one linear map that `tensor` comes out of."""
    if tensor is None:
        return None
    linear = next((c for c in makers(trace, tensor, block) if is_linear(c.module)), None)
    made = trace.flow.made.get(id(tensor))
    if linear is not None or made is None or made.how not in ("same", "scale"):
        return linear
    return _projection(trace, made.of[0], block)


def _event(trace: Trace, block: Call, source: list[Call]) -> AttentionEvent | None:
    """The attention that ran to make a write: inside its module, or right before its linear."""
    if not source:
        return None
    inside = [e for e in trace.attentions if source[-1].entered < e.clock < source[-1].left]
    if inside:
        return inside[-1]
    first = source[-1].entered
    earlier = [e for e in trace.attentions if block.entered < e.clock < first]
    if not earlier or not is_linear(source[-1].module):
        return None
    between = [
        c for c in trace.calls if earlier[-1].clock < c.entered < first and is_linear(c.module)
    ]
    return None if between else earlier[-1]


def _attention_kind(trace: Trace, block: Call, event: AttentionEvent) -> Kind:
    """Whether a block attends to its own positions or to those of another stack."""
    own = 0 if block.x is None else block.x.shape[1]
    others = (trace.flow.lengths or frozenset()) - {own}
    its_own = {own, *(own + other for other in others)}  # alone, or beside the other's
    crosses = others and event.queries == own and event.keys not in its_own
    return "cross" if crosses else "attention"


def _attention(trace: Trace, block: Call, found: list[_Found], kind: Kind) -> Attention | None:
    entries = [entry for entry in found if entry.event is not None and entry.write.kind == kind]
    if len(entries) != 1 or entries[0].event is None:
        return None
    event = entries[0].event
    if block.x is None or event.queries != block.x.shape[1]:
        return None  # positions are attended to in windows or otherwise apart
    nth = sum(1 for call in trace.calls if call.name == event.module and call.left < event.clock)
    route: Route = "interface" if event.by_interface else "softmax"
    if kind == "attention" and event.keys != event.queries:
        route = "hidden"
    return Attention(
        Place(event.module, nth),
        route,
        event.heads,
        event.key_heads or event.heads,
        event.sink,
    )


def _is_sequential(trace: Trace, block: Call, terms: Terms, found: list[_Found]) -> bool:
    """Whether something in the block reads the sum of the stream and the attention's write."""
    kinds = [entry.write.kind for entry in found]
    if kinds[:2] != ["attention", "mlp"] or kinds.count("attention") > 1 or terms.through_norm:
        return False
    attention = id(found[0].tensor)
    middles = {key for key, branches in terms.sums.items() if branches == [attention]}
    return any(
        id(call.x) in middles
        for call in trace.calls
        if call is not block and block.entered < call.entered and call.left < block.left
    )
