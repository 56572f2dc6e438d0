"""One cell of the lens: what the stream says there, and which component said how much of it.

In flow a place in the stream and a prompt. Out flow the likeliest tokens with their numbers before
and after the edits, and the direct attribution of one token against another, or the reason why
this model has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.analysis import LogitDiff, direct_attribution, logit_lens
from mechwidget.errors import CancelledError, MechwidgetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.analysis import DirectAttribution, LogitLens, Metric
    from mechwidget.models import HookedModel, Intervention, Site, Tokens

Json = dict[str, Any]

MOST_PARTS = 32


@dataclass(frozen=True, slots=True, eq=False)
class CellReading:
    """What was found out about one cell.

    Attributes:
        lens: the cell under the edits, `[1, 1]`, the answer tokens followed.
        before: the same without the edits, all tokens of `lens` followed; None with no edits.
        toward: ids of the token that is attributed to, and of the one that it is held against.
        attribution: what each component wrote, of the run with the edits; None where refused.
        refusal: why, else empty.
    """

    lens: LogitLens
    before: LogitLens | None
    toward: tuple[int, int]
    attribution: DirectAttribution | None
    refusal: str


def read_cell(
    model: HookedModel,
    tokens: Tokens,
    interventions: Sequence[Intervention],
    place: tuple[Site, int],
    k: int,
    followed: Sequence[int],
    metric: Metric | None,
    cancelled: Callable[[], bool],
) -> CellReading:
    """Read one cell.

    Args:
        model: whose.
        tokens: the prompt.
        interventions: what the run is edited by.
        place: the stream, and the position in it.
        k: how many of the likeliest tokens.
        followed: tokens to tell of besides.
        metric: a `LogitDiff` whose tokens are attributed to; None: the likeliest token here
            against the next.
        cancelled: asked before every block.
    """
    site, position = place

    def read(edits: Sequence[Intervention], chosen: Sequence[int], k: int) -> LogitLens:
        return logit_lens(
            model,
            tokens,
            edits,
            positions=[position],
            layers=[site.layer or 0],
            sublayers=[site.name],
            chosen=chosen,
            k=k,
            cancelled=cancelled,
        )

    lens = read(interventions, followed, max(k, 2))
    shown = [*lens.top_ids[0, 0].tolist(), *followed]
    before = read((), shown, 1) if interventions else None
    toward = _toward(model, lens, metric, len(tokens))
    attribution, refusal = None, ""
    try:
        attribution = direct_attribution(
            model,
            tokens,
            LogitDiff(*toward, position),
            interventions,
            at=(site.name, site.layer),
            cancelled=cancelled,
        )
    except CancelledError:
        raise
    except MechwidgetError as error:
        refusal = error.message
    return CellReading(lens, before, toward, attribution, refusal)


def cell_json(reading: CellReading, text: Callable[[int], str]) -> Json:
    """The cell as the page gets it; `text` gives a token's."""
    lens = reading.lens
    return {
        "tokens": _tokens_json(reading, text),
        "entropy": float(lens.entropy[0, 0]),
        "kl": float(lens.kl[0, 0]),
        "toward": [text(token) for token in reading.toward],
        "wrote": None if reading.attribution is None else _wrote_json(reading.attribution),
        "refusal": reading.refusal,
    }


def _toward(
    model: HookedModel, lens: LogitLens, metric: Metric | None, n_positions: int
) -> tuple[int, int]:
    if metric is not None:
        a, b = metric.bind(model, n_positions).tokens
        return a, b
    first, second = lens.top_ids[0, 0, :2].tolist()
    return first, second


def _tokens_json(reading: CellReading, text: Callable[[int], str]) -> list[Json]:
    """The likeliest tokens, and those that are followed where they are not among them."""
    lens, before = reading.lens, reading.before
    n = lens.top_ids.shape[-1]
    rows: list[Json] = [
        {
            "id": int(lens.top_ids[0, 0, i]),
            "logit": float(lens.top_logits[0, 0, i]),
            "probability": float(lens.top_probabilities[0, 0, i]),
            "rank": i + 1,
        }
        for i in range(n)
    ]
    rows += [
        {
            "id": token,
            "logit": float(lens.chosen_logits[0, 0, i]),
            "probability": float(lens.chosen_probabilities[0, 0, i]),
            "rank": int(lens.chosen_ranks[0, 0, i]),
        }
        for i, token in enumerate(lens.chosen)
    ]
    likeliest = set(lens.top_ids[0, 0].tolist())
    return [
        {
            **row,
            "text": text(int(row["id"])),
            "followed": row["id"] in lens.chosen,
            "before": None if before is None else _before_json(before, i),
        }
        for i, row in enumerate(rows)
        if i < n or row["id"] not in likeliest
    ]


def _before_json(before: LogitLens, index: int) -> Json:
    return {
        "logit": float(before.chosen_logits[0, 0, index]),
        "probability": float(before.chosen_probabilities[0, 0, index]),
        "rank": int(before.chosen_ranks[0, 0, index]),
    }


def _wrote_json(found: DirectAttribution) -> Json:
    """The largest terms one by one, all others as their sum."""
    parts = sorted(_parts(found), key=lambda part: -abs(part["value"]))
    return {
        "parts": parts[:MOST_PARTS],
        "others": len(parts[MOST_PARTS:]),
        "others_value": sum(part["value"] for part in parts[MOST_PARTS:]),
        "embed": found.embed,
        "constant": found.constant,
        "rest": float(np.nansum(found.rest)),
        "total": found.total,
        "note": found.note,
    }


def _parts(found: DirectAttribution) -> list[Json]:
    """Heads, what else their attention wrote (its bias), and MLPs."""
    parts: list[Json] = []
    for layer, whole in enumerate(found.attention):
        if np.isnan(whole):
            continue
        heads: list[Json] = [
            {"component": {"type": "head", "layer": layer, "head": head}, "value": float(value)}
            for head, value in enumerate(found.heads[layer])
            if not np.isnan(value)
        ]
        left = float(whole) - sum(head["value"] for head in heads)
        # Where the heads cannot be told apart the attention stands for them, else for its bias.
        component = {"type": "attention", "layer": layer}
        parts += [*heads, {"component": component, "value": left, "bias": bool(heads)}]
    for layer, value in enumerate(found.mlp):
        if not np.isnan(value):
            parts.append({"component": {"type": "mlp", "layer": layer}, "value": float(value)})
    return parts
