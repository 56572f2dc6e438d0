"""The snapshot: what a page without a kernel shows instead of the widget.

In flows the state that the page would get, with `numbers` that were read for it (see
`still_numbers`); out flows a small HTML fragment with no script in it, all text escaped. nbviewer,
nbconvert and an editor without a kernel show it. Views name the parts; `mechwidget.still` draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget import still
from mechwidget.still.words import TIMES, said, token

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

_FOOT = "A snapshot: run the cell in a live notebook to click."


def snapshot_html(state: Json, parts: list[str]) -> str:
    """The state as a fragment of HTML: which model, these parts of it, and what to do."""
    model = state["model"]
    heads = max(model["heads"], default=0)
    size = f"{model['n_layers']} layers {TIMES} {heads} heads"
    return still.card(str(model["name"]), f"({size})", parts, _FOOT)


def prompt_html(tokens: list[Json], label: str = "") -> str:
    """The tokens of the prompt."""
    return still.prompt(tokens, label)


def prompts_html(state: Json) -> str:
    """The prompt, and prompt B under it where there is one."""
    other = state.get("other")
    second = "" if other is None else still.prompt(other["tokens"], "Prompt B")
    return still.prompt(state["tokens"]) + second


def heads_html(heads: list[int], interventions: list[Json], effects: Json | None = None) -> str:
    """Every head with the effect of ablating it where that is known; ablated ones struck out."""
    off = {
        (component["layer"], component["head"])
        for each in interventions
        if each["enabled"] and each["type"] == "ablate"
        for component in [each["component"]]
        if component["type"] == "head"
    }
    return still.head_map(heads, off, effects)


def interventions_html(interventions: list[Json], groups: Sequence[Json] = ()) -> str:
    """What is done to the model, in sentences; where a group does a share of it, which."""
    shares = {
        group["id"]: f"group “{group['name']}” at {group['strength']:g}"
        for group in groups
        if group["strength"] != 1
    }
    listed = [{**each, "note": shares.get(each.get("group"), "")} for each in interventions]
    return still.interventions(listed)


def snapshots_html(snapshots: list[Json]) -> list[str]:
    """The table of what was kept under a name; nothing where nothing was."""
    return [still.snapshots(snapshots)] if snapshots else []


def outcome_html(state: Json) -> str:
    """The metric, the distance from the baseline, and the top tokens before and after."""
    outcome = state["outcome"]
    if outcome is None or outcome["revision"] != state["revision"]:
        reason = state["error"]["message"] if state["error"] else "Not computed yet."
        return f"<p>{said(reason)}</p>"
    here = state["model"]["predicts"] == "here"
    predicted = f"token at {outcome['position']}" if here else "next token"
    edited = any(each["enabled"] for each in state["interventions"])
    return still.outcome({**outcome, "metric": _measured(state, outcome)}, predicted, edited)


def effects_html(state: Json) -> str:
    """The heads, with their effects where those were read in time."""
    effects = numbers_of(state).get("effects")
    return heads_html(state["model"]["heads"], state["interventions"], effects)


def pattern_html(state: Json) -> str:
    """The attention of the head that was looked at; nothing where it was not read in time."""
    found = numbers_of(state).get("pattern")
    return "" if found is None else still.pattern(**found)


def lens_html(state: Json) -> str:
    """What the stream says after each layer; nothing where it was not read in time."""
    found = numbers_of(state).get("lens")
    if found is None:
        return ""
    caption = "The likeliest next token, read off the stream; a stronger colour is more probable"
    return still.word_grid(caption, **found)


def neurons_html(state: Json) -> str:
    """The neurons that fire most; nothing where they were not read in time."""
    found = numbers_of(state).get("neurons")
    caption = "Neurons with the largest activations, without the interventions and with them"
    return "" if found is None else still.rows(found, caption)


def continuation_html(state: Json) -> str:
    """What the model goes on to write; nothing where it was not written in time."""
    found = numbers_of(state).get("continuation")
    if found is None:
        return ""
    edited = f"<p>edited: <code>{token(found['edited'], 400)}</code></p>" if found["edited"] else ""
    written = f"<p>baseline: <code>{token(found['baseline'], 400)}</code></p>"
    return f"<h4>Continuation, the likeliest token each time</h4>{written}{edited}"


def table_html(state: Json) -> list[str]:
    """The first rows of the table of a view that has no picture of its own."""
    found = numbers_of(state).get("table")
    return [] if found is None else [still.rows(found)]


def metric_html(state: Json) -> str:
    """What is measured, in a sentence."""
    metric = state["metric"]
    return "" if metric is None else f"<p>Measured: {said(metric['label'])}</p>"


def numbers_of(state: Json) -> Json:
    """What was read for the snapshot beside the state; empty where nothing was."""
    found: Json = state.get("numbers") or {}
    return found


def _measured(state: Json, outcome: Json) -> Json | None:
    metric, value = state["metric"], outcome["metric"]
    if metric is None or value is None:
        return None
    return {**value, "label": metric["label"], "unit": metric["unit"]}
