"""The strength of an intervention: the one number that a slider moves.

In flows an intervention. Out flows its strength, where its kind has one, or the same intervention
with another: a `Scale` by its factor, a `Steer` by its coefficient, a `SetValue` by its one number,
in the units of the activation that it sets. Of some kinds a share can be done: with `edit(x)` what
the intervention makes of an activation x, the share s of it makes `x + s · (edit(x) - x)`.
"""

from __future__ import annotations

from dataclasses import replace

from mechwidget.errors import InterventionError
from mechwidget.interventions import Ablate, Intervention, Scale, SetValue, Steer


def strength_of(intervention: Intervention) -> float | None:
    """Its strength, or None where its kind has none."""
    if isinstance(intervention, Scale):
        return intervention.factor
    if isinstance(intervention, SetValue):
        return intervention.value if isinstance(intervention.value, float) else None
    if isinstance(intervention, Steer) and intervention.mode != "project out":
        return intervention.coefficient
    return None


def with_strength(intervention: Intervention, strength: float) -> Intervention:
    """The same intervention, as strong as this.

    Raises:
        InterventionError: its kind has no strength, or this is none that it takes.
    """
    if isinstance(intervention, Scale):
        return replace(intervention, factor=strength)
    if isinstance(intervention, Steer) and intervention.mode != "project out":
        return replace(intervention, coefficient=strength)
    if isinstance(intervention, SetValue) and isinstance(intervention.value, float):
        return replace(intervention, value=strength)
    raise InterventionError(f"“{intervention.sentence}” has no strength.")


def takes_share(intervention: Intervention) -> bool:
    """Whether a share of it can be done: a scale, a steer that adds, a zero ablation."""
    if isinstance(intervention, Steer):
        return intervention.mode == "add"
    return isinstance(intervention, Scale) or (
        isinstance(intervention, Ablate) and intervention.mode == "zero"
    )


def share_of(intervention: Intervention, share: float) -> Intervention:
    """That share of an intervention; all of it where its kind takes no share, or `share` is 1."""
    if share == 1 or not takes_share(intervention):
        return intervention
    if isinstance(intervention, Scale):
        return replace(intervention, factor=1 + share * (intervention.factor - 1))
    if isinstance(intervention, Ablate):
        return Scale(intervention.component, 1 - share)
    return with_strength(intervention, share * (strength_of(intervention) or 0.0))
