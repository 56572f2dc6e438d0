"""Calls of one twin over a growing text, each going on from where the one before it ended.

The cache is whatever the model's forward makes and takes back, under the name by which it does
(keys and values, recurrent states); nothing about its kind has to be known. It lives as long as
the object that holds it.

In: a twin, and token ids `[row, pos]`. Out: logits `[row, pos, vocab]`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.calling import logits_of, quietly
from mechwidget.models.forward_source import ForwardSource
from mechwidget.models.ways import ways_to_call

if TYPE_CHECKING:
    import torch
    from torch import nn

    from mechwidget.models.source import Source

_CACHES = ("past_key_values", "cache_params", "state", "mems", "past_buckets_states")


class CachedCalls:
    """Calls of `twin` with its own cache."""

    def __init__(self, twin: nn.Module) -> None:
        self._twin, way = twin, ways_to_call(twin)[0]
        self._main = way.main
        self._options = {**way.options, "use_cache": True}
        self._cache: dict[str, Any] = {}

    @property
    def cache(self) -> Any:
        """What it remembers now, as the model handed it back; None before the first call."""
        return next(iter(self._cache.values()), None)

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of these tokens, which follow those of earlier calls."""
        named = {**self._options, **self._cache, **({self._main: ids} if self._main else {})}
        positional = () if self._main else (ids,)
        output = quietly(lambda: self._twin(*positional, **named))
        found = ((name, getattr(output, name, None)) for name in _CACHES)
        self._cache = next(({name: held} for name, held in found if held is not None), {})
        if not self._cache:
            raise UnsupportedModelError(f"{type(self._twin).__name__} gave no cache back.")
        return logits_of(output)


def takes_cache(source: Source, module: nn.Module) -> bool:
    """Whether a forward can be called past its source and asked for a cache."""
    parameters = inspect.signature(module.forward).parameters
    passed_on = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    return isinstance(source, ForwardSource) and ("use_cache" in parameters or passed_on)
