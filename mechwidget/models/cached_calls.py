"""Calls of one twin over a growing text, with the model's own cache or without one.

The cache is whatever the model's forward makes and takes back, under the name by which it does
(keys and values, recurrent states); nothing about its kind has to be known. It lives as long as
the object that holds it.

In: a twin, and token ids `[row, pos]`. Out: logits `[row, pos, vocab]`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.calling import logits_of, names_input_ids, quietly

if TYPE_CHECKING:
    import torch
    from torch import nn

_CACHES = ("past_key_values", "cache_params", "state", "mems", "past_buckets_states")


class Calls:
    """Calls of `twin`; with a cache, each goes on from where the one before it ended."""

    def __init__(self, twin: nn.Module, *, cached: bool) -> None:
        self._twin, self._cached = twin, cached
        parameters = inspect.signature(twin.forward).parameters
        self._by_name = names_input_ids(parameters)
        self._options: dict[str, Any] = {}
        if "use_cache" in parameters:
            self._options["use_cache"] = cached
        if "return_dict" in parameters:
            self._options["return_dict"] = True
        self._cache: dict[str, Any] = {}

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of these tokens: of the whole text, or of what follows earlier calls."""
        named = {**({"input_ids": ids} if self._by_name else {}), **self._options, **self._cache}
        output = quietly(self._twin, () if self._by_name else (ids,), named)
        if self._cached:
            found = ((name, getattr(output, name, None)) for name in _CACHES)
            self._cache = next(({name: held} for name, held in found if held is not None), {})
            if not self._cache:
                raise UnsupportedModelError(f"{type(self._twin).__name__} gave no cache back.")
        return logits_of(output)


def takes_cache(module: nn.Module) -> bool:
    """Whether a forward can be asked for a cache."""
    return "use_cache" in inspect.signature(module.forward).parameters
