"""Survey a model: trace it once on a short prompt and write its ledger.

In: the user's module and its source. Out: a `Ledger`, or an `UnsupportedModelError` that says how
far the trace came. Everything happens on twins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from mechwidget.errors import MechwidgetError, UnsupportedModelError
from mechwidget.models.coupling import is_coupled
from mechwidget.models.leaves import has_map, is_leaf, is_linear, is_norm
from mechwidget.models.ledger import Answer, Ledger, Place, Stack
from mechwidget.models.probing import Prober
from mechwidget.models.stack import chains_beside, find_blocks, reaches
from mechwidget.models.streams import Stream, attends, refuse_chance, refuse_side_streams
from mechwidget.models.tappable import without_hidden_patterns
from mechwidget.models.trace import Call, Trace, trace
from mechwidget.models.twin import make_twin
from mechwidget.models.writes import place, read_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from mechwidget.models.ledger import Attends, Block
    from mechwidget.models.source import Source
    from mechwidget.models.tokens import Tokens

_SUPPORTED = "mechwidget reads transformers: blocks that pass one stream of vectors on."


def survey(model: nn.Module, source: Source) -> Ledger:
    """The ledger of `model`."""
    tokens = source.example()
    seen, streams = _traced(model, source, tokens)
    refuse_chance(model, source, tokens)
    _refuse_answers_elsewhere(model, seen, streams)
    _refuse_streams_beside(model, seen, streams)
    for stream in streams:
        refuse_side_streams(model, source, tokens, stream)
    coupled = is_coupled(make_twin(model))
    prober = Prober(make_twin(model), coupled=coupled)
    hows = [attends(model, source, tokens, stream, coupled=coupled) for stream in streams]
    calls = [call for stream in streams for call in stream.calls]
    blocks = tuple(read_block(seen, call, prober) for call in calls)
    blocks = without_hidden_patterns(blocks, model, source, tokens)
    stacks = _stacks(streams, blocks, tokens, hows)
    main = next(stream for stream in streams if stream.main)
    unembed, embed = _unembedding(seen, main, prober), _embedding(seen)
    return Ledger(
        blocks=blocks,
        embed=None if embed is None else place(embed),
        unembed=None if unembed is None else place(unembed),
        final_norm=None if unembed is None else _final_norm(seen, unembed),
        d_model=main.width,
        vocab_size=seen.logits.shape[-1],
        stacks=stacks,
        n_tokens=_table_size(embed, seen.logits.shape[-1]),
        answer=_answer(seen, main, unembed),
        pooled=_is_pooled(seen, main),
        outside=_attentions_outside(seen, calls),
        coupled=coupled,
    )


def _traced(model: nn.Module, source: Source, tokens: Tokens) -> tuple[Trace, list[Stream]]:
    """A trace and its streams, as they run; twice where a first one has to tell the lengths."""
    parts = [part for part in (tokens, tokens.encoder) if part is not None]
    if all(part.texts for part in parts):
        lengths = frozenset(map(len, parts))
        seen = _trace(model, source, tokens, lengths)
        return seen, _streams(seen)
    found = _streams(_trace(model, source, tokens, None))
    lengths = frozenset(stream.length for stream in found)
    seen = _trace(model, source, tokens, lengths)
    return seen, _streams(seen)


def _trace(
    model: nn.Module, source: Source, tokens: Tokens, lengths: frozenset[int] | None
) -> Trace:
    try:
        return trace(source, make_twin(model), tokens, lengths)
    except MechwidgetError:
        raise
    except Exception as error:
        given = f"{len(tokens)} token ids" if tokens.signal is None else "a signal"
        raise UnsupportedModelError(
            f"{type(model).__name__} could not be traced: its forward failed on {given} with "
            f"{type(error).__name__}: {error}",
            _SUPPORTED,
        ) from error


def _streams(seen: Trace) -> list[Stream]:
    """The stream of each sequence of the prompt, in the order in which they run."""
    tokens = seen.tokens
    known = len(tokens)
    if tokens.encoder is None:
        fits = (lambda n: n == known) if known else (lambda n: n > 1)
        return [Stream(find_blocks(seen, fits), main=True)]
    beside = len(tokens.encoder)
    other = (lambda n: n == beside) if beside else (lambda n: n not in (1, known))
    main = Stream(find_blocks(seen, lambda n: n == known), main=True)
    streams = [Stream(find_blocks(seen, other), main=False), main]
    return sorted(streams, key=lambda stream: stream.calls[0].entered)


def _stacks(
    streams: Sequence[Stream], blocks: Sequence[Block], tokens: Tokens, hows: Sequence[Attends]
) -> tuple[Stack, ...]:
    stacks, first = [], 0
    crosses = any(block.write("cross") is not None or block.cross for block in blocks)
    for stream, how in zip(streams, hows, strict=True):
        part = tokens if stream.main else tokens.encoder
        signals = tokens.encoder is not None and tokens.encoder.signal is not None
        if len(streams) > 1 and signals and not crosses:
            name = "text" if part is None or part.signal is None else part.signal.kind
        elif len(streams) > 1:
            name = "decoder" if stream.main else "encoder"
        else:
            name = "decoder" if how == "backwards" else "encoder"
        to = "encoder" if crosses and stream.main else ""
        n = len(stream.calls)
        stacks.append(Stack(name, first, n, how, stream.width, stream.main, to))
        first += n
    return tuple(stacks)


def _refuse_streams_beside(model: nn.Module, seen: Trace, streams: Sequence[Stream]) -> None:
    """Refuse a model whose stream changes its positions on the way, as in pyramids."""
    taken = [call for stream in streams for call in stream.calls]
    beside = chains_beside(seen, taken)
    if beside:
        shapes = [list(call.x.shape) for call in (taken[0], beside[0][0]) if call.x is not None]
        raise UnsupportedModelError(
            f"{type(model).__name__} passes several streams on, of {shapes[0]} in "
            f"{taken[0].name!r} and of {shapes[-1]} in {beside[0][0].name!r}: none runs through "
            "the whole model.",
            _SUPPORTED,
        )


def _refuse_answers_elsewhere(model: nn.Module, seen: Trace, streams: Sequence[Stream]) -> None:
    """Refuse answers that are neither one per position of the main stream nor one in all."""
    main = next(stream for stream in streams if stream.main)
    if seen.logits.shape[1] not in (1, main.length):
        raise UnsupportedModelError(
            f"{type(model).__name__} gives {seen.logits.shape[1]} answers for {main.length} "
            "positions: they are not those of its stream.",
            _SUPPORTED,
        )


def _is_pooled(seen: Trace, main: Stream) -> bool:
    return seen.logits.shape[1] != main.length


def _attentions_outside(seen: Trace, calls: Sequence[Call]) -> int:
    """How often attention ran where no block was found: pooling heads, coarser streams."""
    spans = [(call.entered, call.left) for call in calls]
    events = [event.clock for event in seen.attentions]
    return sum(not any(a < clock < b for a, b in spans) for clock in events)


def _answer(seen: Trace, main: Stream, unembed: Call | None) -> Answer:
    if _is_pooled(seen, main):
        return "label"
    return "hidden state" if unembed is None and seen.logits.shape[-1] == main.width else "token"


def _embedding(seen: Trace) -> Call | None:
    ids = torch.tensor([seen.tokens.ids], device="cpu")
    for call in sorted(seen.calls, key=lambda call: call.entered):
        given = [a for a in (*call.args, *call.kwargs.values()) if isinstance(a, torch.Tensor)]
        if not given or given[0].is_floating_point() or call.y is None or not is_leaf(call.module):
            continue
        if given[0].shape == ids.shape and torch.equal(given[0].cpu(), ids):
            return call
    return None


def _table_size(embed: Call | None, otherwise: int) -> int:
    """How many token ids there are: rows of the table that they are looked up in."""
    size = None if embed is None else getattr(embed.module, "num_embeddings", None)
    return size if isinstance(size, int) else otherwise


def _unembedding(seen: Trace, main: Stream, prober: Prober) -> Call | None:
    for call in reversed(seen.calls):
        if call.y is None or call.y.shape != seen.logits.shape or not _is_head(call, prober):
            continue
        if call.entered < main.calls[-1].left or call.x is None:
            continue  # a part of a block, in a model without a head
        wide = is_linear(call.module) and call.y.shape[-1] != main.width
        if wide or reaches(seen, seen.logits, call.y):
            return call if call.x.shape[1] == main.length else None
    return None


def _is_head(call: Call, prober: Prober) -> bool:
    """A linear module, or one with a matrix of its own that works position by position."""
    if is_linear(call.module):
        return True
    return is_leaf(call.module) and has_map(call.module) and prober.is_positionwise(call)


def _final_norm(seen: Trace, unembed: Call) -> Place | None:
    tensor = unembed.x
    while tensor is not None:
        norm = next((c for c in seen.calls if c.y is tensor and is_norm(c.module)), None)
        if norm is not None:
            return place(norm)
        made = seen.flow.made.get(id(tensor))
        tensor = made.of[0] if made is not None and made.how in ("same", "scale") else None
    return None
