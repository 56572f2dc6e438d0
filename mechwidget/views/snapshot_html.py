"""The snapshot: what a page without a kernel shows instead of the widget.

In flows the state that the page would get; out flows a small HTML fragment with no script in it,
all text escaped. nbviewer, nbconvert and an editor without a kernel show it.
"""

from __future__ import annotations

from html import escape
from typing import Any

Json = dict[str, Any]

_MOST_TOKENS = 400
_MOST_INTERVENTIONS = 100
_MOST_HEADS = 1024


def snapshot_html(state: Json, parts: list[str]) -> str:
    """The state as a fragment of HTML: which model, these parts of it, and what to do."""
    model = state["model"]
    heads = max(model["heads"], default=0)
    size = f"{model['n_layers']} layers \N{MULTIPLICATION SIGN} {heads} heads"
    shown = [
        f"<p><strong>mechwidget · {escape(str(model['name']))}</strong> ({escape(size)})</p>",
        *parts,
        "<p><small>A snapshot: run the cell in a live notebook to click.</small></p>",
    ]
    return '<div class="mechwidget-snapshot">' + "".join(shown) + "</div>"


def prompt_html(tokens: list[Json]) -> str:
    """The tokens of the prompt."""
    shown = " ".join(f"<code>{_token(token['text'])}</code>" for token in tokens[:_MOST_TOKENS])
    left = len(tokens) - _MOST_TOKENS
    return f"<p>{shown}{f' … and {left} more tokens' if left > 0 else ''}</p>"


def heads_html(heads: list[int], interventions: list[Json]) -> str:
    """Every head by its name, those that are ablated struck out."""
    if not 0 < sum(heads) <= _MOST_HEADS:
        return ""
    off = {
        (component["layer"], component["head"])
        for each in interventions
        if each["enabled"] and each["type"] == "ablate"
        for component in [each["component"]]
        if component["type"] == "head"
    }
    rows = [
        "".join(
            f"<td>{f'<s>{layer}.{head}</s>' if (layer, head) in off else f'{layer}.{head}'}</td>"
            for head in range(count)
        )
        for layer, count in enumerate(heads)
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><caption>heads, ablated struck out</caption><tbody>{body}</tbody></table>"


def interventions_html(interventions: list[Json]) -> str:
    """What is done to the model, in sentences."""
    if not interventions:
        return "<p>No interventions.</p>"
    items = [
        f"<li>{_named(each)}{'' if each['enabled'] else ' (off)'}</li>"
        for each in interventions[:_MOST_INTERVENTIONS]
    ]
    left = len(interventions) - _MOST_INTERVENTIONS
    if left > 0:
        items.append(f"<li>… and {left} more</li>")
    return f"<ul>{''.join(items)}</ul>"


def snapshots_html(snapshots: list[Json]) -> list[str]:
    """The table of what was kept under a name; nothing where nothing was."""
    if not snapshots:
        return []
    rows = "".join(
        f"<tr><td>{escape(each['name'])}</td><td>{escape(each['said'] or 'no interventions')}</td>"
        f"<td>{_number(each['metric'])}</td><td>{_number(each['kl'])}</td></tr>"
        for each in snapshots
    )
    head = "<tr><th>snapshot</th><th>interventions</th><th>metric</th><th>KL, nats</th></tr>"
    return [f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"]


def outcome_html(state: Json) -> str:
    """The metric, the distance from the baseline, and the top tokens before and after."""
    outcome = state["outcome"]
    if outcome is None or outcome["revision"] != state["revision"]:
        reason = state["error"]["message"] if state["error"] else "Not computed yet."
        return f"<p>{escape(reason)}</p>"
    rows = "".join(
        f"<tr><td><code>{_token(row['text'])}</code></td>"
        f"<td>{row['before']:.1%}</td><td>{row['after']:.1%}</td></tr>"
        for row in outcome["top"]
    )
    here = state["model"]["predicts"] == "here"
    predicted = f"token at {outcome['position']}" if here else "next token"
    table = (
        f"<table><thead><tr><th>{predicted}</th><th>before</th><th>after</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )
    kl = "" if outcome["kl"] is None else f"<p>KL from the baseline: {outcome['kl']:.4g} nats</p>"
    return _metric(state, outcome) + kl + table


def _named(intervention: Json) -> str:
    name = escape(intervention.get("name", ""))
    return (
        f"<b>{name}</b>: {escape(intervention['sentence'])}"
        if name
        else escape(intervention["sentence"])
    )


def _metric(state: Json, outcome: Json) -> str:
    metric, value = state["metric"], outcome["metric"]
    if metric is None or value is None:
        return ""
    before, after = (_number(value[key]) for key in ("before", "after"))
    return f"<p>{escape(metric['label'])}: {before} → {after} {escape(metric['unit'])}</p>"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"


def _token(text: str) -> str:
    return escape(text.replace(" ", "·").replace("\n", "⏎"))
