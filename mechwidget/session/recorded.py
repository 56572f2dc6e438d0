"""A session as the document of a recipe.

In: a hooked model and what a session is: its state, its numbers, its directions and snapshots. Out:
plain JSON of the newest version. Numbers are as they are; what the document cannot hold (pixels, a
very long vector) is left out with the reason beside it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError
from mechwidget.interventions.fields import source
from mechwidget.models.identity import identity
from mechwidget.models.inputs import Inputs
from mechwidget.recipes import FORMAT, VERSION, packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mechwidget.analysis import BoundMetric, TokenChange
    from mechwidget.interventions import Intervention
    from mechwidget.interventions.fields import Given
    from mechwidget.models import HookedModel, Tokens
    from mechwidget.session.computation import Computed
    from mechwidget.session.directions import Kept
    from mechwidget.session.snapshots import Snapshot
    from mechwidget.session.state import State
    from mechwidget.session.sweep import Grid
    from mechwidget.session.tried import Figures

Json = dict[str, Any]

MOST_NUMBERS_OF_A_VECTOR = 2**18
MOST_NUMBERS_OF_ALL = 2**20
_LONGEST = 1000


def experiment_json(model: HookedModel, state: State) -> Json:
    """What was asked for: model, prompts, interventions, groups, metric."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": identity(model),
        "prompts": prompts_json(state),
        **_list_json(state),
        "metric": _metric_json(state),
    }


def prompts_json(state: State) -> Json:
    """Prompt A, prompt B and the reference prompts."""
    ids = (state.tokens.encoder or state.tokens).ids
    given = source(ids if state.prompt is None else state.prompt, "The prompt")
    prompts: Json = {"a": _prompt(given, state.tokens)}
    if state.other_prompt is not None:
        prompts["b"] = _prompt(state.other_prompt, state.other)
    if state.reference:
        prompts["reference"] = [_prompt(each) for each in state.reference]
    return prompts


def directions_json(kept: Kept) -> list[Json]:
    """Named vectors; those that would make the file large are left out with the reason."""
    room, found = MOST_NUMBERS_OF_ALL, []
    for each in kept:
        entry: Json = {"name": each.name, "origin": each.origin, "norm": each.vector.norm}
        room -= len(each.vector)
        if len(each.vector) <= MOST_NUMBERS_OF_A_VECTOR and room >= 0:
            entry["values"] = packed(list(each.vector.values))
        else:
            entry["left_out"] = _too_long(len(each.vector))
        found.append(entry)
    return found


def snapshot_json(snapshot: Snapshot, state: State) -> Json:
    """A snapshot; its prompts only where they are not the session's own."""
    entry: Json = {"name": snapshot.name}
    kept = snapshot.state
    if (prompts := prompts_json(kept)) != prompts_json(state):
        entry["prompts"] = prompts
    entry |= {**_list_json(kept), "metric": _metric_json(kept)}
    if snapshot.figures is not None:
        entry["figures"] = _figures(snapshot.figures, kept.bound)
    return entry


def result_json(model: HookedModel, state: State, computed: Computed, effects: Grid | None) -> Json:
    """The few numbers of a run that a page shows without a model."""
    looks_back = any(stack.main and stack.attends == "both ways" for stack in model.stacks)
    result: Json = {
        "position": computed.position,
        "predicts": "here" if looks_back else "next",
        "metric": _measured(state.bound, computed.metric),
        **_finite({"kl": computed.outcome.kl}),
        "entropy": _pair(computed.outcome.entropy),
        "top": [_token(each) for each in computed.outcome.top],
    }
    if effects is not None:
        heads = [model.n_heads(layer) for layer in range(model.n_layers)]
        rows = [row[:n] for n, row in zip(heads, effects.tolist(), strict=True)]
        label = "KL from the baseline" if state.bound is None else f"change of {state.bound.label}"
        result["effects"] = {
            "label": f"{label} when a head alone is zero-ablated"[:_LONGEST],
            "unit": "nats" if state.bound is None else state.bound.unit,
            "values": [[_rounded(value) for value in row] for row in rows],
        }
    return result


# -- parts


def _prompt(given: Given, tokens: Tokens | None = None) -> Json:
    """A prompt as it was given, and what it was to the model where that is known."""
    if not isinstance(given, Inputs):
        return _one_prompt(given, None if tokens is None else tokens.encoder or tokens)
    encoder = None if tokens is None else tokens.encoder
    decoder = None if given.decoder is None else _one_prompt(given.decoder, tokens)
    return {"encoder": _one_prompt(given.encoder, encoder), "decoder": decoder}


def _one_prompt(given: Given, seen: Tokens | None) -> Json:
    texts: Json = {} if seen is None else {"tokens": list(seen.texts)}
    if isinstance(given, str):
        ids: Json = {} if seen is None else {"ids": list(seen.ids)}
        return {"text": given, **ids, **texts}
    if isinstance(given, tuple):
        return {"ids": list(given), **texts}
    raise MechwidgetError("A prompt of pixels or sound has no place in a recipe.")


def _list_json(state: State) -> Json:
    rows = zip(state.ids, state.interventions, strict=True)
    found: Json = {"interventions": [_entry(state, id_, each) for id_, each in rows]}
    groups = [{"name": g.name, "strength": g.strength} for g in state.arrangement.groups]
    return found | ({"groups": groups} if groups else {})


def _entry(state: State, id_: int, intervention: Intervention) -> Json:
    name, group = state.arrangement.name_of(id_), state.arrangement.group_of(id_)
    entry: Json = {"sentence": intervention.sentence[:10_000]}
    entry |= {"name": name} if name else {}
    entry |= {} if group is None else {"group": group.name}
    entry["enabled"] = intervention not in state.disabled
    try:
        does = intervention.to_json()
    except MechwidgetError as error:
        return {**entry, "left_out": error.message[:_LONGEST]}
    n = _longest_list(does)
    if n > MOST_NUMBERS_OF_ALL:
        return {**entry, "left_out": _too_long(n)}
    return {**entry, "does": packed(does)}


def _longest_list(value: Any) -> int:
    if isinstance(value, dict):
        return max(map(_longest_list, value.values()), default=0)
    if not isinstance(value, list):
        return 0
    nested = any(isinstance(each, list | dict) for each in value)
    return sum(map(_longest_list, value)) if nested else len(value)


def _metric_json(state: State) -> Json | None:
    return None if state.metric is None else state.metric.to_json()


def _figures(figures: Figures, bound: BoundMetric | None) -> Json:
    return {
        "metric": _measured(bound, figures.metric),
        **_finite({"kl": figures.kl}),
        "entropy": _pair(figures.entropy),
        "likeliest": _token(figures.likeliest),
    }


def _measured(bound: BoundMetric | None, values: tuple[float, float] | None) -> Json | None:
    if bound is None or values is None:
        return None
    return {"label": bound.label[:_LONGEST], "unit": bound.unit, **_pair(values)}


def _pair(values: Sequence[float]) -> Json:
    return {"before": values[0], "after": values[1]}


def _token(change: TokenChange) -> Json:
    """One token of an outcome; the model's -inf (masked) is null."""
    fields: Iterable[str] = change.__slots__
    values = {name: getattr(change, name) for name in fields}
    return {
        n: None if isinstance(v, float) and not math.isfinite(v) else v for n, v in values.items()
    }


def _finite(values: Json) -> Json:
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _rounded(value: float) -> float | None:
    """Six digits, for a picture."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _too_long(n: int) -> str:
    most = MOST_NUMBERS_OF_A_VECTOR
    return f"It has {n:,} numbers; a recipe holds vectors of up to {most:,}, and few of those."
