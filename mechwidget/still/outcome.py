"""The outcome of a still picture: the metric and the likely tokens, before and after.

In: what `session_state` calls an outcome, or the result of a recipe. Out: a fragment: two bars per
token on one scale, each with its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mechwidget.still.words import exact, percent, said, token

Json = Mapping[str, Any]

_WIDTH = 220


def outcome(found: Json, predicted: str, edited: bool) -> str:
    """The metric's two values, the distance from the baseline, and the top tokens.

    Args:
        found: `metric` (label, unit, before, after) or None, `kl` in nats, `top`.
        predicted: "next token", or "token at 3".
        edited: whether anything is done to the model.
    """
    kl = found.get("kl")
    distance = "" if kl is None else f"<p>KL from the baseline: {exact(kl)} nats</p>"
    return _metric(found.get("metric")) + distance + _tokens(found["top"], predicted, edited)


def _metric(measured: Json | None) -> str:
    if measured is None:
        return ""
    before, after = exact(measured["before"]), exact(measured["after"])
    unit = said(measured.get("unit") or "", 40)
    return f"<p>{said(measured.get('label') or 'metric')}: <b>{before} → {after}</b> {unit}</p>"


def _tokens(top: Sequence[Json], predicted: str, edited: bool) -> str:
    if not top:
        return ""
    largest = max(max(row["before"], row["after"]) for row in top) or 1.0
    rows = "".join(
        f"<tr><td><code>{token(row['text'])}</code></td>"
        f"<td>{_bars(row['before'] / largest, row['after'] / largest, edited)}</td>"
        f'<td class="number">{percent(row["before"])}</td>'
        + (f'<td class="number">{percent(row["after"])}</td>' if edited else "")
        + "</tr>"
        for row in top
    )
    columns = "<th>before</th><th>after</th>" if edited else "<th>probability</th>"
    how = "above without the interventions, below with them" if edited else "no interventions"
    head = f"<tr><th>{said(predicted)}</th><th>{how}</th>{columns}</tr>"
    return f'<table class="bars"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def _bars(before: float, after: float, edited: bool) -> str:
    """Two bars, one above the other; one where they are the same by definition."""
    first = f'<rect class="b" y="1" width="{before * _WIDTH:.1f}" height="{5 if edited else 12}"/>'
    second = f'<rect class="a" y="8" width="{after * _WIDTH:.1f}" height="5"/>' if edited else ""
    return f'<svg class="bar" viewBox="0 0 {_WIDTH} 14" aria-hidden="true">{first}{second}</svg>'
