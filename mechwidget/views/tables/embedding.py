"""The table of the embedding view: a row per token, with the parts of its first residual.

In: a session. Out: a table, once the numbers are there.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.views.deferred import Then
from mechwidget.views.ops.embedding import parts_of
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from mechwidget.analysis import EmbeddingParts
    from mechwidget.session import Session


def embedding_table(session: Session) -> Then[Table]:
    """Per token the norm and the share of each part, cosines between parts, norms of the sum."""
    return Then(parts_of(session), _table)


def _table(parts: EmbeddingParts) -> Table:
    names = _names(parts)
    columns: dict[str, list[Any]] = {
        "position": list(range(len(parts.tokens))),
        "token": list(parts.tokens.texts),
        "id": list(parts.tokens.ids),
    }
    for name, norms, shares in zip(names, parts.norms, parts.shares, strict=True):
        columns[f"{name}_norm"] = norms.tolist()
        columns[f"{name}_share"] = shares.tolist()
    for one, other in combinations(range(len(names)), 2):
        columns[f"cosine_{names[one]}_{names[other]}"] = parts.cosines(one, other).tolist()
    columns["sum_norm"] = np.linalg.norm(parts.total, axis=-1).tolist()
    columns["resid_pre_norm"] = np.linalg.norm(parts.resid_pre, axis=-1).tolist()
    about = {
        "share": "how much of the sum a part is along the sum: part . sum / sum . sum",
        "parts": ", ".join(f"{n} = {m}" for n, m in zip(names, parts.modules, strict=True)),
        "steps": ", then ".join(parts.steps),
    }
    return Table(columns, {name: said for name, said in about.items() if said})


def _names(parts: EmbeddingParts) -> list[str]:
    """The kinds, counted where there are several of one."""
    kinds = parts.kinds
    return [
        kind if kinds.count(kind) == 1 else f"{kind}_{kinds[:at].count(kind)}"
        for at, kind in enumerate(kinds)
    ]
