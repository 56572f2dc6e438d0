"""What the model remembers of a text: the norms of its cached keys and values, and what it costs.

The cache is the model's own, read after the prompt or after tokens that were generated: grouped
heads are the few that are stored, a sliding window shows which positions it has dropped, latent
attention its one compressed vector per position, and a recurrent layer the state that it has
instead.

In: a prompt, interventions, and the tokens that follow it. Out: `CacheContents`, whose layers hold
arrays `[kv_head, pos]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import torch

    from mechwidget.models import HookedModel, Intervention
    from mechwidget.models.cache_layers import CacheLayer
    from mechwidget.models.prompts import Prompt
    from mechwidget.models.window import When

Kind = Literal["keys and values", "latent", "state", "nothing"]


@dataclass(frozen=True, slots=True, eq=False)
class CachedVectors:
    """The keys, or the values, of one layer.

    Attributes:
        width: how many numbers a vector has.
        before: float32 `[kv_head, pos]`, Euclidean norms without interventions; nan where the
            position is no longer held. `after`: with them.
        change: float32 `[kv_head, pos]`, the norm of after - before.
    """

    width: int
    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]
    change: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class CachedLayer:
    """What one layer of the model has in the cache.

    Attributes:
        layer: which.
        cross: whether its keys and values are those of another stack.
        kind: "keys and values" of the layer's kv heads; "latent" where fewer vectors are stored
            than it has kv heads; a "state" that does not grow with the text; or "nothing".
        kv_heads: how many vectors are stored per position; `heads`: how many query heads read
            them (0 where they cannot be told apart).
        dtype: of what is stored.
        first: the first position that is still held; those before it were dropped.
        window: how many positions a query of this layer sees, itself included; None is all.
        keys, values: None where none are stored.
        states: name and shape of what is kept beside or instead.
        n_bytes: what it takes; `bytes_per_token`: what one more token takes, until a window is
            full.
    """

    layer: int
    cross: bool
    kind: Kind
    kv_heads: int
    heads: int
    dtype: str
    first: int
    window: int | None
    keys: CachedVectors | None
    values: CachedVectors | None
    states: tuple[tuple[str, tuple[int, ...]], ...]
    n_bytes: int
    bytes_per_token: int


@dataclass(frozen=True, slots=True, eq=False)
class CacheContents:
    """The cache of a model at the end of a text.

    Attributes:
        ids: the tokens that were read; `texts`: what they stand for; of these the first
            `n_prompt` were given.
        layers: in the order in which they run, an attention to another stack after its own.
        edited: whether there are interventions, so that `after` differs from `before`.
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    n_prompt: int
    layers: tuple[CachedLayer, ...]
    edited: bool

    @property
    def n_bytes(self) -> int:
        """What the whole cache takes."""
        return sum(layer.n_bytes for layer in self.layers)

    @property
    def bytes_per_token(self) -> int:
        """What one more token takes in all layers, until their windows are full."""
        return sum(layer.bytes_per_token for layer in self.layers)


def cache_contents(
    model: HookedModel,
    prompt: Prompt,
    interventions: Sequence[Intervention] = (),
    generated: Sequence[int] = (),
    *,
    on: When = "both",
    cancelled: Callable[[], bool] | None = None,
) -> CacheContents:
    """The norms of what the model's cache holds once the last token was read.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        interventions: what the run is edited by; `before` is the same text without.
        generated: the tokens that follow the prompt; those of the other text where an edit makes
            the model write something else.
        on: whether interventions act on "prompt" tokens, "generated" ones or "both".
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        UnsupportedModelError: the model makes no cache, or one that cannot be told apart.
        CancelledError: `cancelled()` became true.
    """
    tokens = model.tokenize(prompt)
    before, *rest = model.caches(tokens, interventions, generated, on=on, cancelled=cancelled)
    after = rest[0] if rest else before
    first = next(stack.first for stack in model.stacks if stack.main)
    n, beside = len(tokens) + len(generated), 0 if tokens.encoder is None else len(tokens.encoder)
    layers = [
        _layer(model, first + old.layer, (old, new), beside if old.cross else n)
        for old, new in zip(before, after, strict=True)
    ]
    layers.sort(key=lambda one: (one.layer, one.cross))
    texts = (*tokens.texts, *map(model.token_text, generated))
    ids = (*tokens.ids, *generated)
    return CacheContents(ids, texts, len(tokens), tuple(layers), bool(rest))


def _layer(
    model: HookedModel, layer: int, sides: tuple[CacheLayer, CacheLayer], n: int
) -> CachedLayer:
    old, new = sides
    known = layer < model.n_layers
    own = model.n_key_value_heads(layer, cross=old.cross) if known else 0
    stored = 0 if old.keys is None else old.keys.shape[0]
    kept = [part for part in (old.keys, old.values) if part is not None]
    tensors = [*kept, *(state for _, state in old.states)]
    return CachedLayer(
        layer=layer,
        cross=old.cross,
        kind=_kind(old, stored, own),
        kv_heads=stored,
        heads=model.n_heads(layer, cross=old.cross) if known else 0,
        dtype=str(tensors[0].dtype).removeprefix("torch.") if tensors else "",
        first=old.first,
        window=old.window,
        keys=_vectors(old.keys, new.keys, old.first, n),
        values=_vectors(old.values, new.values, old.first, n),
        states=tuple((name, tuple(state.shape)) for name, state in old.states),
        n_bytes=old.n_bytes,
        bytes_per_token=0 if old.cross else sum(p[:, :1].nbytes for p in kept),
    )


def _kind(layer: CacheLayer, stored: int, own: int) -> Kind:
    if layer.keys is None:
        return "state" if layer.states else "nothing"
    return "latent" if 0 < stored < own else "keys and values"


def _vectors(
    old: torch.Tensor | None, new: torch.Tensor | None, first: int, n: int
) -> CachedVectors | None:
    if old is None or new is None:
        return None

    def along(norms: torch.Tensor) -> npt.NDArray[np.float32]:
        """With nan at the positions that were dropped."""
        row = np.full((norms.shape[0], n), np.nan, dtype=np.float32)
        row[:, first : first + norms.shape[1]] = norms.cpu().numpy()
        return row

    was, now = old.detach().float(), new.detach().float()
    before = along(was.norm(dim=-1))
    after = before if new is old else along(now.norm(dim=-1))
    change = along((now - was).norm(dim=-1)) if new is not old else np.zeros_like(before)
    if new is old:
        change[np.isnan(before)] = np.nan
    return CachedVectors(old.shape[-1], before, after, change)
