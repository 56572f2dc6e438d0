"""The armed tool: what a page asks to do to a component, completed from what the session holds.

In flows JSON of an intervention, and a state. Out flows a checked intervention: "mean" and
"resample" are over the session's reference prompts, a patch comes from its other prompt, each
position from the one that stands under it. What the page says itself is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError
from mechwidget.interventions import intervention_from_json

if TYPE_CHECKING:
    from mechwidget.interventions import Intervention
    from mechwidget.session.state import State


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


def _reference(state: State) -> list[Any]:
    if not state.reference:
        raise InterventionError(
            "There are no reference prompts to take a mean or a sample of.",
            "Give some with “references” beside the prompt, or in Python: "
            'session.reference = ["one prompt", "another", …].',
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
