"""The table of the head map: a row per head, MLP, attention and layer, with one number.

In: a session and the name of a score. Out: a table, once the numbers are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.views.deferred import Then
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from mechwidget.analysis import ScoreMap
    from mechwidget.session import Session

EFFECT = "effect"
_WHOLES = ("mlp", "attention", "layer")


def head_map_table(session: Session, *, score: str = EFFECT) -> Then[Table]:
    """Layers, parts ("head", "mlp" …), heads (None of the others) and the score, nan if unknown.

    Args:
        session: whose.
        score: "effect" (the change of the metric when the part alone is zero-ablated), or the name
            of any that `session.known_scores` has.
    """
    model = session.model
    heads = [model.n_heads(layer) for layer in range(model.n_layers)]
    widest = max(heads, default=0)

    def table(values: Any, about: dict[str, str]) -> Table:
        rows: list[tuple[int, str, int | None, float]] = []
        for layer, count in enumerate(heads):
            rows += [(layer, "head", head, float(values[layer][head])) for head in range(count)]
            wholes = zip(_WHOLES, values[layer][widest:], strict=True)
            rows += [(layer, part, None, float(value)) for part, value in wholes]
        layers, parts, which, numbers = zip(*rows, strict=True) if rows else ((), (), (), ())
        return Table({"layer": layers, "part": parts, "head": which, score: numbers}, about)

    if score == EFFECT:
        bound = session.now().state.bound
        unit = "nats" if bound is None else bound.unit
        label = "KL from the baseline" if bound is None else f"change of {bound.label}"
        about = {"unit": unit, "label": f"{label} when zero-ablated"}
        return Then(session.effects(), lambda grid: table(grid, about))

    def scored(found: ScoreMap) -> Table:
        return table(found.grid, {"reason": found.reason} if found.reason else {})

    return Then(session.scores(score), scored)
