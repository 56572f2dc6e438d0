"""Which patterns the softmax tap really sees: what a fused function makes inside stays hidden.

The trace sees a softmax wherever it runs. The tap sees what a module's Python calls; a library
function that does the whole of attention (`multi_head_attention_forward`) is one call to it.

In: blocks of a survey, and a model to try them on. Out: the blocks, patterns that never came by
marked as hidden.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from operator import eq
from typing import TYPE_CHECKING

from mechwidget.models.calling import call_model
from mechwidget.models.softmax_tap import tap_softmax
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from torch import nn

    from mechwidget.models.ledger import Attention, Block
    from mechwidget.models.source import Source
    from mechwidget.models.tokens import Tokens


def without_hidden_patterns(
    blocks: Iterable[Block], model: nn.Module, source: Source, tokens: Tokens
) -> tuple[Block, ...]:
    """The blocks, with `route` "hidden" where the tap sees no pattern."""
    blocks = tuple(blocks)
    wanted = {
        attention.place.module: cross
        for block in blocks
        for cross, attention in enumerate((block.attention, block.cross))
        if attention is not None and attention.route == "softmax"
    }
    if not wanted:
        return blocks
    twin, seen = make_twin(model), set[str]()

    def note(module: str, name: str, tensor: torch.Tensor) -> torch.Tensor:
        if name == "pattern":
            seen.add(module)
        return tensor

    for module, cross in wanted.items():
        fits = _any if cross else eq  # to its own stack, there are as many keys as queries
        tap_softmax(twin.get_submodule(module), partial(note, module), fits)
    call_model(source, twin, tokens)

    def told(attention: Attention | None) -> Attention | None:
        if attention is None or attention.route != "softmax" or attention.place.module in seen:
            return attention
        return replace(attention, route="hidden")

    return tuple(replace(b, attention=told(b.attention), cross=told(b.cross)) for b in blocks)


def _any(_queries: int, _keys: int) -> bool:
    return True
