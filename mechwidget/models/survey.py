"""Survey a model: trace it once on a few tokens and write its ledger.

In: the user's module. Out: a `Ledger`, or an `UnsupportedModelError` that says how far the
trace came. Everything happens on twins.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from mechwidget.errors import MechwidgetError, UnsupportedModelError
from mechwidget.models.calling import call_model
from mechwidget.models.carrier import activation_in, with_activation
from mechwidget.models.leaves import is_leaf, is_linear, is_norm
from mechwidget.models.ledger import Ledger, Place
from mechwidget.models.probing import Prober
from mechwidget.models.stack import find_blocks, reaches
from mechwidget.models.trace import Call, Trace, trace
from mechwidget.models.twin import make_twin
from mechwidget.models.writes import place, read_block

if TYPE_CHECKING:
    from mechwidget.models.source import Source
    from mechwidget.models.tokens import Tokens

_TOLERANCE = 1e-3
_SUPPORTED = "mechwidget reads decoder-only transformer language models."


def survey(model: nn.Module, source: Source) -> Ledger:
    """The ledger of `model`."""
    tokens = source.example()
    try:
        seen = trace(source, make_twin(model), tokens)
    except MechwidgetError:
        raise
    except Exception as error:
        raise UnsupportedModelError(
            f"{type(model).__name__} could not be traced: its forward failed on {len(tokens)} "
            f"token ids with {type(error).__name__}: {error}",
            _SUPPORTED,
        ) from error
    blocks = find_blocks(seen)
    _refuse_look_ahead(model, source, tokens)
    _refuse_side_streams(model, source, tokens, blocks[-1])
    prober = Prober(make_twin(model))
    unembed = _unembedding(seen)
    return Ledger(
        blocks=tuple(read_block(seen, call, prober) for call in blocks),
        embed=_embedding(seen),
        unembed=None if unembed is None else place(unembed),
        final_norm=None if unembed is None else _final_norm(seen, unembed),
        d_model=0 if blocks[0].x is None else blocks[0].x.shape[-1],
        vocab_size=seen.logits.shape[-1],
    )


def _refuse_look_ahead(model: nn.Module, source: Source, tokens: Tokens) -> None:
    """Refuse a model whose earlier logits change with the last token."""
    other = replace(tokens, ids=(*tokens.ids[:-1], tokens.ids[0]))
    twin = make_twin(model)
    logits = call_model(source, twin, tokens)
    moved = (call_model(source, twin, other) - logits)[:, :-1].abs().max()
    rounding = 1e-5 if logits.dtype == torch.float32 else 0.02  # experts batch tokens together
    if moved > rounding * logits.abs().max():
        raise UnsupportedModelError(
            f"{type(model).__name__} reads tokens to the right: changing the last token changed "
            f"earlier logits by {moved:.2g}, so it is an encoder, not a decoder.",
            _SUPPORTED,
        )


def _refuse_side_streams(model: nn.Module, source: Source, tokens: Tokens, last: Call) -> None:
    """Refuse blocks that are not all there is: without the last one's output, nothing is known.

    When that output is zero, the logits of all positions must be the same.
    """
    twin, calls = make_twin(model), iter(range(10**9))

    def silence(_module: nn.Module, _args: object, result: object) -> object:
        y = activation_in(result)
        if y is None or next(calls) != last.nth:
            return None
        return with_activation(result, y, torch.zeros_like(y))

    twin.get_submodule(last.name).register_forward_hook(silence)
    logits = call_model(source, twin, tokens)
    if (logits - logits[:, :1]).abs().max() > _TOLERANCE * (logits.abs().max() + 1e-6):
        raise UnsupportedModelError(
            f"{type(model).__name__} has no single residual stream: the longest chain of blocks "
            f"that was found ends in {last.name!r}, and the logits still depend on the tokens when "
            "its output is zero.",
            _SUPPORTED,
        )


def _embedding(seen: Trace) -> Place | None:
    for call in sorted(seen.calls, key=lambda call: call.entered):
        given = [a for a in (*call.args, *call.kwargs.values()) if isinstance(a, torch.Tensor)]
        if not given or given[0].is_floating_point() or call.y is None or not is_leaf(call.module):
            continue
        if given[0].shape == seen.ids.shape and torch.equal(given[0], seen.ids):
            return place(call)
    return None


def _unembedding(seen: Trace) -> Call | None:
    for call in reversed(seen.calls):
        if call.y is None or call.y.shape != seen.logits.shape or not is_linear(call.module):
            continue
        if reaches(seen, seen.logits, call.y) or call.y.shape[-1] == seen.logits.shape[-1]:
            return call
    return None


def _final_norm(seen: Trace, unembed: Call) -> Place | None:
    tensor = unembed.x
    while tensor is not None:
        norm = next((c for c in seen.calls if c.y is tensor and is_norm(c.module)), None)
        if norm is not None:
            return place(norm)
        made = seen.flow.made.get(id(tensor))
        tensor = made.of[0] if made is not None and made.how in ("same", "scale") else None
    return None
