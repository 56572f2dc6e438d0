"""What the cache view fetches: the norms of cached keys or values, and what each layer keeps.

In flow the arguments of a request; out flow frames `[row, pos]`, once the session has them. A row
is a kv head, or a whole layer where there are more heads than a page can show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.interventions.fields import finite_number
from mechwidget.views.cached import Written, cache_of
from mechwidget.views.deferred import Then
from mechwidget.views.ops.continuing import LARGEST_SEED, MOST_TOKENS
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    import numpy.typing as npt

    from mechwidget.analysis import CacheContents
    from mechwidget.analysis.cache_contents import CachedLayer, CachedVectors
    from mechwidget.session import Session

MOST_ROWS = 256

Answer = tuple[Any, ...]


class Cache:
    """The op that looks into the cache of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call it."""
        channel.on("cache", self.cache)

    def cache(self, args: Arguments, _: Request) -> Then[Answer]:
        """Norms `[row, pos]`: before, and where edits are on after and of the difference."""
        args.only("part", "layer", "new_tokens", "temperature", "top_p", "seed", "on")
        part = args.choice("part", "keys", "values")
        layer = None
        if args.get("layer") is not None:
            layer = args.integer("layer", 0, self._session.model.n_layers - 1)
        written = Written(
            args.integer("new_tokens", 0, MOST_TOKENS),
            finite_number(args["temperature"], "The temperature"),
            finite_number(args["top_p"], "top_p"),
            args.integer("seed", 0, LARGEST_SEED),
            args.choice("on", "prompt", "generated", "both"),  # type: ignore[arg-type]
        )

        def answer(found: CacheContents) -> Answer:
            return _answer(found, part, layer)

        return Then(cache_of(self._session, written), answer)


def _answer(found: CacheContents, part: str, layer: int | None) -> Answer:
    chosen = [one for one in found.layers if layer is None or one.layer == layer]
    stored = [(one, side) for one in chosen if (side := getattr(one, part)) is not None]
    whole = sum(one.kv_heads for one, _ in stored) > MOST_ROWS and layer is None
    sides = ("before", "after", "change") if found.edited else ("before",)
    about = {
        "later": list(found.texts[found.n_prompt :]),
        "n_prompt": found.n_prompt,
        "edited": found.edited,
        "n_bytes": found.n_bytes,
        "bytes_per_token": found.bytes_per_token,
        "layers": [_layer_json(one) for one in found.layers],
        "rows": [
            [one.layer, one.cross, None if whole else head]
            for one, side in stored
            for head in range(1 if whole else one.kv_heads)
        ],
    }
    n = max((side.before.shape[1] for _, side in stored), default=0)
    return about, *(_frame([side for _, side in stored], name, n, whole=whole) for name in sides)


def _frame(sides: list[CachedVectors], name: str, n: int, *, whole: bool) -> Frame:
    """`[row, pos]`; over all heads of a layer, norms are those of its vectors put together."""
    rows: list[npt.NDArray[np.float32]] = []
    for side in sides:
        norms = getattr(side, name)
        norms = np.sqrt((norms**2).sum(0, keepdims=True)) if whole else norms
        rows.append(np.pad(norms, ((0, 0), (0, n - norms.shape[1])), constant_values=np.nan))
    return encode(np.concatenate(rows) if rows else np.zeros((0, n), np.float32), "f16")


def _layer_json(one: CachedLayer) -> dict[str, Any]:
    return {
        "layer": one.layer,
        "cross": one.cross,
        "kind": one.kind,
        "kv_heads": one.kv_heads,
        "heads": one.heads,
        "dtype": one.dtype,
        "first": one.first,
        "window": one.window,
        "widths": [0 if side is None else side.width for side in (one.keys, one.values)],
        "states": [[name, list(shape)] for name, shape in one.states],
        "n_bytes": one.n_bytes,
        "bytes_per_token": one.bytes_per_token,
    }
