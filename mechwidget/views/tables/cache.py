"""The table of the cache view: a row per layer, kv head and position that is held.

In: a session and a choice. Out: a table, once the numbers are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.errors import MechwidgetError
from mechwidget.interventions.fields import integer
from mechwidget.views.cached import Written, cache_of
from mechwidget.views.deferred import Then
from mechwidget.views.ops.continuing import MOST_TOKENS
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from mechwidget.analysis import CacheContents
    from mechwidget.analysis.cache_contents import CachedLayer
    from mechwidget.session import Session

_SIDES = [(part, side) for part in ("keys", "values") for side in ("before", "after", "change")]


def cache_table(
    session: Session,
    *,
    new_tokens: int = 0,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    on: Any = "both",
) -> Then[Table]:
    """Norms of cached keys and values, before and after the edits, and of the difference.

    Args:
        session: whose.
        new_tokens: how many tokens the model is to write after the prompt first.
        temperature: how they are chosen, as in `Session.continuation`; so are `top_p` and `seed`.
        top_p: see there.
        seed: see there.
        on: whether edits act on "prompt" tokens, "generated" ones or "both".
    """
    if not 0 <= integer(new_tokens, "new_tokens") <= MOST_TOKENS:
        raise MechwidgetError(f"new_tokens is {new_tokens}; expected 0 to {MOST_TOKENS}.")
    encoder = session.now().state.tokens.encoder
    beside = () if encoder is None else encoder.texts

    def table(found: CacheContents) -> Table:
        layers = [one for one in found.layers if one.keys is not None]
        parts = [_columns(one, beside if one.cross else found.texts) for one in layers]
        names = parts[0].keys() if parts else ("layer", "kv_head", "position", "token")
        return Table(
            {name: [value for part in parts for value in part[name]] for name in names},
            {
                "norm": "Euclidean norm of one cached vector; keys as stored, mostly after rotary",
                "bytes": f"{found.n_bytes} in all, {found.bytes_per_token} per further token",
            },
        )

    return Then(cache_of(session, Written(new_tokens, temperature, top_p, seed, on)), table)


def _columns(one: CachedLayer, texts: tuple[str, ...]) -> dict[str, list[Any]]:
    n = len(texts)
    head, position = (axis.reshape(-1) for axis in np.mgrid[: one.kv_heads, one.first : n])
    columns: dict[str, list[Any]] = {
        "layer": [one.layer] * len(head),
        "cross": [one.cross] * len(head),
        "kv_head": head.tolist(),
        "position": position.tolist(),
        "token": [texts[at] for at in position],
    }
    for part, side in _SIDES:
        vectors = getattr(one, part)
        missing = [None] * len(head)
        columns[f"{part}_{side}"] = (
            missing if vectors is None else getattr(vectors, side)[head, position].tolist()
        )
    return columns
