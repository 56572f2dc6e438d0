"""What a session keeps, as the page gets it: groups, what fired, what was tried, snapshots.

In flows a picture of a session; out flow short sentences and few numbers, capped, because all of
it is saved with the notebook. Whole states stay in the kernel.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mechwidget.session.difference import what_changed
from mechwidget.session.strength import takes_share

if TYPE_CHECKING:
    from mechwidget.session import Now, Snapshot
    from mechwidget.session.computation import Computed
    from mechwidget.session.state import State
    from mechwidget.session.tried import Figures

Json = dict[str, Any]

_MOST_TRIED = 40
_LONGEST = 80


def kept_json(now: Now) -> Json:
    """What was kept of where the session has been, and what undo and redo would do."""
    state = now.state
    return {
        "undo": "" if now.before is None else _short(what_changed(now.before, state)),
        "redo": "" if now.after is None else _short(what_changed(state, now.after)),
        "groups": _groups(state),
        "trial": now.trial,
        "tried": [
            {"id": each.id, "said": _short(each.sentence), "value": _value(each.figures)}
            for each in now.tried[-_MOST_TRIED:]
        ],
        "snapshots": [_snapshot(each, state) for each in now.snapshots.values()],
    }


def arranged_json(state: State, id_: int) -> Json:
    """The name of an entry of the list, and the group that it is in; nothing without them."""
    if not state.arrangement.names and not state.arrangement.groups:
        return {}
    name, group = state.arrangement.name_of(id_), state.arrangement.group_of(id_)
    return ({"name": name} if name else {}) | ({} if group is None else {"group": group.id})


def fired_json(computed: Computed) -> list[Json]:
    """What each intervention changed, over all its sites, and why not or to no effect."""
    fired = sorted(computed.result.fired, key=lambda each: each.intervention)
    rows = []
    for nth, edits in groupby(fired, key=lambda each: each.intervention):
        some = list(edits)
        reasons = [each.reason for each in some if each.reason]
        rows.append(
            {
                "id": computed.ids[nth],
                "change": math.hypot(*(each.change for each in some)),
                # One site that works is enough; a word on another would mislead.
                "reason": _short(reasons[0], 160) if len(reasons) == len(some) else "",
            }
        )
    return rows


def _groups(state: State) -> list[Json]:
    listed = dict(zip(state.ids, state.interventions, strict=True))
    return [
        {
            "id": group.id,
            "name": group.name,
            "strength": group.strength,
            # How many of its members follow its strength.
            "scaled": sum(takes_share(listed[id_]) for id_ in group.ids),
        }
        for group in state.arrangement.groups
    ]


def _snapshot(snapshot: Snapshot, state: State) -> Json:
    figures, bound = snapshot.figures, snapshot.state.bound
    measured = "" if state.bound is None else state.bound.label
    said = "; ".join(snapshot.sentences)
    return {
        "name": snapshot.name,
        "edits": len(snapshot.sentences),
        "said": _short(said),
        "current": snapshot.state == state,
        "metric": None if figures is None or figures.metric is None else figures.metric[1],
        "unit": "" if bound is None else bound.unit,
        # Most measure what is measured now, which the page has.
        "label": "" if bound is None or bound.label == measured else _short(bound.label),
        "kl": None if figures is None else figures.kl,
        "top": None if figures is None else _short(figures.likeliest.text, 24),
    }


def _value(figures: Figures) -> float:
    """What is drawn of a trial: the metric, or without one the distance from the baseline."""
    return figures.kl if figures.metric is None else figures.metric[1]


def _short(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
