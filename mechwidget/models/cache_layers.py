"""What a model's own cache holds, layer by layer, whatever its class.

A cache is known by what is in it and not by its name: layers with keys and values (all positions,
or those that a sliding window still holds), with recurrent states, with both, or with nothing.

In: a cache as a forward hands it back, and how many tokens it has read. Out: `CacheLayer`s of
tensors of one row, or an `UnsupportedModelError` that says what it is instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATES = ("conv_states", "recurrent_states", "indexer_keys")
_HALVES = ("self_attention_cache", "cross_attention_cache")


@dataclass(frozen=True, slots=True, eq=False)
class CacheLayer:
    """One layer of a cache.

    Attributes:
        layer: which, counted within the cache.
        cross: whether its keys are those of another stack.
        keys: `[kv_head, held, d]`; None where it keeps none. `values` likewise.
        first: the first position that it still holds.
        window: how many positions a query sees, where that is limited.
        states: what it keeps beside or instead, by name: it does not grow with the text.
    """

    layer: int
    cross: bool
    keys: torch.Tensor | None
    values: torch.Tensor | None
    first: int
    window: int | None
    states: tuple[tuple[str, torch.Tensor], ...] = ()

    @property
    def n_bytes(self) -> int:
        """What its tensors take."""
        states = [tensor for _, tensor in self.states]
        parts = [part for part in (self.keys, self.values) if part is not None]
        return sum(part.nbytes for part in (*parts, *states))


def cache_layers(cache: Any, n_tokens: int, n_other: int = 0) -> tuple[CacheLayer, ...]:
    """The layers of a cache that has read `n_tokens` tokens; `n_other`: those of the other stack.

    Raises:
        UnsupportedModelError: it is no list of layers, or holds more than it has read.
    """
    own, crosses = (getattr(cache, name, None) for name in _HALVES)
    if own is None:
        return tuple(_layers(cache, n_tokens, cross=False))
    beside = () if crosses is None else _layers(crosses, n_other, cross=True)
    return (*_layers(own, n_tokens, cross=False), *beside)


def _layers(cache: Any, n_tokens: int, *, cross: bool) -> Iterator[CacheLayer]:
    layers = getattr(cache, "layers", cache)
    if not isinstance(layers, (list, tuple)):
        raise UnsupportedModelError(
            f"The model's cache is a {type(cache).__name__}, which is no list of layers: it cannot "
            "be told apart."
        )
    for index, layer in enumerate(layers):
        keys, values = _keys_and_values(layer)
        states = tuple(_states(layer))
        if keys is None and values is None and not states and isinstance(layer, torch.Tensor):
            raise UnsupportedModelError(
                f"The model's cache is a list of bare tensors ({type(cache).__name__}), which are "
                "neither keys nor values."
            )
        held = 0 if keys is None else keys.shape[-2]
        if held > n_tokens:
            raise UnsupportedModelError(
                f"Layer {index} of the cache has room for {held} positions and the text has "
                f"{n_tokens}: which of them are in use cannot be told."
            )
        window = getattr(layer, "sliding_window", None)
        limited = window if isinstance(window, int) else None
        yield CacheLayer(index, cross, keys, values, n_tokens - held, limited, states)


def _keys_and_values(layer: Any) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    pair = layer if isinstance(layer, (list, tuple)) else ()
    keys, values = (
        pair[:2]
        if len(pair) >= 2
        else (getattr(layer, "keys", None), getattr(layer, "values", None))
    )
    return _of_one_row(keys), _of_one_row(values)


def _of_one_row(tensor: Any) -> torch.Tensor | None:
    """`[kv_head, held, d]` of the only row; where heads are not told apart, one."""
    if not isinstance(tensor, torch.Tensor) or tensor.dim() not in (3, 4) or not tensor.numel():
        return None
    return tensor[0] if tensor.dim() == 4 else tensor[:1]


def _states(layer: Any) -> Iterator[tuple[str, torch.Tensor]]:
    for name in _STATES:
        held = getattr(layer, name, None)
        parts = held.values() if isinstance(held, dict) else [held]
        found = [part for part in parts if isinstance(part, torch.Tensor)]
        for index, part in enumerate(found):
            word = name.removesuffix("s").replace("_", " ")
            yield (word if len(found) == 1 else f"{word} {index}"), part
