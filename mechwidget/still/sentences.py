"""What is done to the model, and what was kept of it, in words.

In: interventions as `{"sentence", "enabled", "name"}`, snapshots as the page gets them. Out:
fragments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mechwidget.still.words import exact, said

Json = Mapping[str, Any]

_MOST = 100


def interventions(listed: Sequence[Json]) -> str:
    """The sentences, with the names that a person gave; what is switched off says so."""
    if not listed:
        return "<p>No interventions.</p>"
    items = [_item(each) for each in listed[:_MOST]]
    left = len(listed) - _MOST
    if left > 0:
        items.append(f"<li>… and {left} more</li>")
    return f"<h4>Interventions</h4><ul>{''.join(items)}</ul>"


def snapshots(kept: Sequence[Json]) -> str:
    """The table of what was kept under a name; nothing where nothing was."""
    if not kept:
        return ""
    rows = "".join(
        f"<tr><td>{said(each['name'])}</td><td>{said(each['said'] or 'no interventions', 120)}</td>"
        f'<td class="number">{exact(each["metric"])}</td>'
        f'<td class="number">{exact(each["kl"])}</td></tr>'
        for each in kept
    )
    head = "<tr><th>snapshot</th><th>interventions</th><th>metric</th><th>KL, nats</th></tr>"
    return f"<h4>Snapshots</h4><table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _item(intervention: Json) -> str:
    sentence, name = said(intervention["sentence"]), said(intervention.get("name") or "", 80)
    text = f"<b>{name}</b>: {sentence}" if name else sentence
    note = said(intervention.get("note") or "")
    text += f' <span class="muted">({note})</span>' if note else ""
    if intervention["enabled"]:
        return f"<li>{text}</li>"
    return f'<li><span class="off-list">{text}</span> (off)</li>'
