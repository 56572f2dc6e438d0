"""The contexts of one neuron as a page gets them: windows of tokens, and frames of numbers.

In flows what was found; out flow JSON, the activations of all windows one after the other, and the
histogram without its empty ends.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.wire import Frame, encode

if TYPE_CHECKING:
    from mechwidget.analysis import Context
    from mechwidget.session.contexts import ContextsFound

Json = dict[str, Any]

BEFORE, AFTER = 28, 12
"""How many tokens are shown before a peak and after it."""


def contexts_json(found: ContextsFound) -> tuple[Json, Frame, Frame]:
    """`(about, activations, counts)`."""
    contexts = found.contexts
    shown = [*contexts.highest, *contexts.lowest]
    used = np.flatnonzero(contexts.counts)
    first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
    about = {
        "looked": contexts.looked,
        "total": contexts.total,
        "tokens": contexts.tokens,
        "fired": contexts.fired,
        "mean": None if math.isnan(contexts.mean) else contexts.mean,
        "cut": contexts.cut,
        "skipped": contexts.skipped,
        "why_skipped": contexts.why_skipped,
        "note": found.note,
        "from": float(contexts.edges[first]),
        "to": float(contexts.edges[last]),
        "highest": [_context(one) for one in contexts.highest],
        "lowest": [_context(one) for one in contexts.lowest],
    }
    along = [one.activations[_window(one)] for one in shown]
    values = np.concatenate(along) if along else np.zeros(1, dtype=np.float32)
    return about, encode(values, "f16"), encode(contexts.counts[first:last])


def _context(context: Context) -> Json:
    window = _window(context)
    # An encoder's neurons stand over what the encoder reads.
    tokens = context.tokens
    if tokens.encoder is not None and len(context.activations) == len(tokens.encoder):
        tokens = tokens.encoder
    return {
        "prompt": context.prompt,
        "position": context.position,
        "value": context.value,
        "first": window.start,
        "length": len(tokens),
        "tokens": list(tokens.texts[window]),
        "special": [at for at, special in enumerate(tokens.special[window]) if special],
    }


def _window(context: Context) -> slice:
    first = max(0, context.position - BEFORE)
    return slice(first, min(len(context.activations), context.position + AFTER + 1))
