"""The armed tool: what a page asks to do to a component, completed from what the session holds.

In flows JSON of an intervention, and a state. Out flows a checked intervention: "mean" and
"resample" are over the session's reference prompts, a patch comes from its other prompt, each
position from the one that stands under it; a steer has a direction that is found first. What the
page says itself is taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from mechwidget.errors import InterventionError
from mechwidget.interventions import component_from_json, intervention_from_json
from mechwidget.session.direction_sources import OtherMinusThis, Saved, Unembedding
from mechwidget.views.deferred import ThenChange
from mechwidget.wire import Arguments

if TYPE_CHECKING:
    from mechwidget.interventions import Intervention
    from mechwidget.session import Session
    from mechwidget.session.direction_sources import DirectionSource
    from mechwidget.session.directions import Direction
    from mechwidget.session.state import State


T = TypeVar("T")

_MOST = 2**31 - 1  # of tokens and positions


def armed(spec: Mapping[str, Any], state: State) -> Intervention:
    """The intervention that a page means.

    Raises:
        InterventionError: it is none, or the session lacks what it needs.
    """
    record = dict(spec)
    if record.get("type") == "ablate" and record.get("mode") in ("mean", "resample"):
        record.setdefault("over", _reference(state))
    if record.get("type") == "patch" and "source" not in record:
        _complete_patch(record, state)
    return intervention_from_json(record)


def direction_source(spec: Mapping[str, Any]) -> DirectionSource:
    """Where the direction of a steer is to come from: `spec["direction"]`, for its component.

    Raises:
        ProtocolError: it names no source, or one without what it needs.
        InterventionError: the component is none.
    """
    args = Arguments(Arguments(spec).mapping("direction"))
    source = args.choice("from", "other", "token", "saved")
    if source == "saved":
        return Saved(args.only("from", "name").text("name", 200))
    if source == "token":
        args.only("from", "token", "minus")
        minus = None if args.get("minus") is None else _token(args, "minus")
        return Unembedding(_token(args, "token"), minus)
    position = args.only("from", "position").integer("position", -_MOST, _MOST)
    return OtherMinusThis(component_from_json(spec.get("component")), position)


def with_directions(
    session: Session,
    specs: Sequence[Mapping[str, Any]],
    change: Callable[[list[Mapping[str, Any]]], T],
) -> T | ThenChange[T]:
    """What `change` makes of `specs` once the directions that they name are found.

    It is called at once where none of them names any: a direction may take a run of the model.
    """
    sources = {at: direction_source(spec) for at, spec in enumerate(specs) if "direction" in spec}
    if not sources:
        return change(list(specs))

    def changed(found: tuple[Direction, ...]) -> T:
        known = dict(zip(sources, found, strict=True))
        return change(
            [along(spec, known[at]) if at in known else spec for at, spec in enumerate(specs)]
        )

    return ThenChange(session.find_directions(tuple(sources.values())), changed)


def along(spec: Mapping[str, Any], direction: Direction) -> dict[str, Any]:
    """The same intervention with the direction that was found in the place of its source."""
    rest = {key: value for key, value in spec.items() if key != "direction"}
    return {**rest, "vector": direction.vector}


def _token(args: Arguments, name: str) -> str | int:
    if isinstance(args[name], str):
        return args.text(name, 200)
    return args.integer(name, 0, _MOST)


def _reference(state: State) -> list[Any]:
    if not state.reference:
        raise InterventionError(
            "There are no reference prompts to take a mean or a sample of.",
            'In Python: session.reference = ["one prompt", "another", …].',
        )
    return list(state.reference)


def _complete_patch(record: dict[str, Any], state: State) -> None:
    if state.other_prompt is None or state.other is None:
        raise InterventionError(
            "There is no other prompt to patch from.",
            'Give one with “+ B” beside the prompt, or session.other_prompt = "…".',
        )
    record["source"] = state.other_prompt
    if "align" in record or len(state.other) == len(state.tokens):
        return
    component = record.get("component")
    if not isinstance(component, Mapping):
        return  # the codec says what is wrong with it
    positions = component.get("positions")
    pairs = [
        [here, there]
        for here, there in state.alignment
        if here is not None and there is not None and (positions is None or here in positions)
    ]
    if not pairs:
        raise InterventionError("None of these positions has a counterpart in the other prompt.")
    record["component"] = {key: value for key, value in component.items() if key != "positions"}
    record["align"] = pairs
