"""A session's state from the document of a recipe, on a model that may be another one.

In: a valid document and a hooked model. Out: a checked state, directions and snapshots, and a list
of all that could not be rebuilt, each with its reason. What cannot be done is never done: an
intervention that is not understood, or that does not fit the model, stays in the document only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mechwidget.analysis.metric_kinds import metric_from_json
from mechwidget.analysis.outcome import TokenChange
from mechwidget.errors import MechwidgetError
from mechwidget.interventions import Vector, intervention_from_json
from mechwidget.interventions.kinds import intervention_kind, not_usable
from mechwidget.models.inputs import Inputs
from mechwidget.recipes import unpacked
from mechwidget.session import grouping
from mechwidget.session import state as states
from mechwidget.session.directions import Direction, Kept, with_direction
from mechwidget.session.loaded import Difference
from mechwidget.session.snapshots import Snapshot, Snapshots
from mechwidget.session.tried import Figures

if TYPE_CHECKING:
    from mechwidget.models import HookedModel
    from mechwidget.session.state import Prompt, State

Json = dict[str, Any]


@dataclass
class Rebuilt:
    """What a document gave, part by part.

    Attributes:
        state: what is asked for.
        directions: the named vectors.
        snapshots: what was kept under a name.
        left: what could not be rebuilt, in the order of the file.
        kept: the entries of the document's lists that stay in it as they are, by list and place.
    """

    state: State
    directions: Kept = ()
    snapshots: Snapshots = field(default_factory=Snapshots)
    left: list[Difference] = field(default_factory=list)
    kept: dict[str, dict[int, Json]] = field(default_factory=dict)


def rebuilt(document: Json, model: HookedModel) -> Rebuilt:
    """The experiment of a document on this model.

    Raises:
        PromptError: the model cannot run the prompt at all, so there is no session to have.
    """
    made = Rebuilt(states.with_prompt(None, model, prompt_of(document["prompts"]["a"])))
    made.state = _with_prompts(made.state, document["prompts"], model, made.left, "prompts")
    made.state = _with_metric(made.state, document.get("metric"), model, made.left, "metric")
    made.state, strangers = _with_list(made.state, document, model, made.left, "")
    made.kept["interventions"] = strangers
    _add_directions(made, document.get("directions", []), model)
    _add_snapshots(made, document, model)
    return made


def prompt_of(saved: Json) -> Prompt:
    """What a session takes as a prompt."""
    if saved.get("encoder") is not None:
        decoder = saved.get("decoder")
        return Inputs(prompt_of(saved["encoder"]), None if decoder is None else prompt_of(decoder))
    text = saved.get("text")
    return text if isinstance(text, str) else tuple(saved.get("ids", ()))


def _with_prompts(
    state: State, prompts: Json, model: HookedModel, left: list[Difference], at: str
) -> State:
    """The same with prompt B and the reference, as far as the model can read them."""
    other, reference = prompts.get("b"), prompts.get("reference", [])
    try:
        if other is not None:
            state = states.with_other_prompt(state, model, prompt_of(other))
    except MechwidgetError as error:
        left.append(Difference(f"{at}.b", other, None, f"Prompt B does not fit: {error.message}"))
    try:
        return states.with_reference(state, model, [prompt_of(each) for each in reference])
    except MechwidgetError as error:
        said = f"The reference prompts do not fit: {error.message}"
        left.append(Difference(f"{at}.reference", reference, None, said))
        return state


def _with_metric(
    state: State, metric: Json | None, model: HookedModel, left: list[Difference], at: str
) -> State:
    try:
        known = {"type", "a", "b", "token", "position"}
        meant = None if metric is None else {k: v for k, v in metric.items() if k in known}
        return states.with_metric(state, model, metric_from_json(meant))
    except MechwidgetError as error:
        left.append(Difference(at, metric, None, f"Nothing is measured: {error.message}"))
        return state


def _with_list(
    state: State, part: Json, model: HookedModel, left: list[Difference], at: str
) -> tuple[State, dict[int, Json]]:
    """The same under the interventions of a document or a snapshot, and those that stay out."""
    strangers: dict[int, Json] = {}
    names: dict[int, str] = {}
    groups: dict[str, list[int]] = {}
    for nth, entry in enumerate(part["interventions"]):
        try:
            state = _with_entry(state, entry, model)
        except Exception as error:  # noqa: BLE001 - a kind of somebody else's may raise anything
            strangers[nth] = entry
            left.append(_not_done(f"{at}interventions[{nth}]", entry, error))
            continue
        names[state.ids[-1]] = entry.get("name", "")
        if entry.get("group"):
            groups.setdefault(entry["group"], []).append(state.ids[-1])
    for id_, name in names.items():
        if name.strip():
            state = grouping.renamed(state, state.ids.index(id_), name)
    strengths = {each["name"]: each.get("strength", 1.0) for each in part.get("groups", [])}
    for name in [
        *(n for n in strengths if n in groups),
        *(n for n in groups if n not in strengths),
    ]:
        state = _with_group(state, name, groups[name], strengths.get(name, 1.0), left, at)
    return state, strangers


def _with_entry(state: State, entry: Json, model: HookedModel) -> State:
    if "does" not in entry:
        raise MechwidgetError(entry["left_out"])
    meant = intervention_from_json(unpacked(entry["does"]))
    if meant in state.interventions:
        raise MechwidgetError("it stands in the list twice.")
    state = states.with_interventions(state, model, [*state.interventions, meant])
    if entry.get("enabled", True):
        return state
    return states.with_disabled(state, state.disabled | {meant})


def _with_group(
    state: State, name: str, ids: list[int], strength: float, left: list[Difference], at: str
) -> State:
    try:
        state = grouping.grouped(state, [state.ids.index(id_) for id_ in ids], name)
        return state if strength == 1 else grouping.scaled(state, name, strength)
    except MechwidgetError as error:
        said = f"The group “{name}” is not as it was: {error.message}"
        left.append(Difference(f"{at}groups", name, None, said))
        return state


def _not_done(path: str, entry: Json, error: Exception) -> Difference:
    kind = entry.get("does", {}).get("type", "an intervention")
    called = entry.get("sentence") or kind
    why = getattr(error, "message", str(error))
    if "does" in entry and intervention_kind(kind) is None:
        why = not_usable(kind) or f"no kind of intervention is called “{kind}” here."
    return Difference(path, entry, None, f"“{called}” is kept and not done: {why}", strange=True)


def _add_directions(made: Rebuilt, saved: list[Json], model: HookedModel) -> None:
    for nth, each in enumerate(saved):
        try:
            made.directions = with_direction(made.directions, model, _direction(each))
        except MechwidgetError as error:
            made.kept.setdefault("directions", {})[nth] = each
            said = f"The direction “{each['name']}” is not there: {error.message}"
            made.left.append(Difference(f"directions[{nth}]", each["name"], None, said))


def _direction(saved: Json) -> Direction:
    if "values" not in saved:
        raise MechwidgetError(saved["left_out"])
    vector = Vector(unpacked(saved["values"]), saved["name"])
    return Direction(vector, saved.get("origin") or "from a recipe")


def _add_snapshots(made: Rebuilt, document: Json, model: HookedModel) -> None:
    for nth, each in enumerate(document.get("snapshots", [])):
        at = f"snapshots[{nth}]"
        try:
            state = _snapshot_state(made.state, document.get("metric"), each, model, at)
            snapshot = Snapshot(each["name"], state, figures_of(each.get("figures"), state))
            made.snapshots = made.snapshots.with_one(snapshot)
        except Exception as error:  # noqa: BLE001 - as above
            made.kept.setdefault("snapshots", {})[nth] = each
            why = getattr(error, "message", str(error))
            said = f"The snapshot “{each['name']}” is kept and cannot be restored here: {why}"
            made.left.append(Difference(at, each["name"], None, said))


def _snapshot_state(
    own: State, own_metric: Json | None, saved: Json, model: HookedModel, at: str
) -> State:
    """A snapshot is as it was or not at all: half of one would be another experiment."""
    left: list[Difference] = []
    state = states.with_interventions(own, model, ())
    if "prompts" in saved:
        prompts = saved["prompts"]
        state = states.with_metric(state, model, None)
        state = states.with_prompt(state, model, prompt_of(prompts["a"]))
        state = states.with_other_prompt(state, model, None)
        state = _with_prompts(state, prompts, model, left, f"{at}.prompts")
        state = states.with_metric(state, model, own.metric)
    if "metric" in saved:
        state = _with_metric(state, saved["metric"], model, left, f"{at}.metric")
    elif own_metric is not None and own.metric is None:
        raise MechwidgetError("the recipe's metric, which it has, is not understood.")
    state, _ = _with_list(state, saved, model, left, f"{at}.")
    if left:
        raise MechwidgetError(left[0].message)
    return state


def figures_of(saved: Json | None, state: State) -> Figures | None:
    """The numbers of a snapshot as they were saved; None where some are missing."""
    if saved is None or not {"kl", "entropy", "likeliest"} <= saved.keys():
        return None
    metric = saved.get("metric")
    if (metric is None) != (state.bound is None):
        return None
    likeliest = saved["likeliest"]
    names = TokenChange.__slots__
    if not set(names) <= likeliest.keys():
        return None
    values: list[Any] = [float("-inf") if likeliest[n] is None else likeliest[n] for n in names]
    return Figures(
        None if metric is None else (metric["before"], metric["after"]),
        saved["kl"],
        (saved["entropy"]["before"], saved["entropy"]["after"]),
        TokenChange(*values),
    )
