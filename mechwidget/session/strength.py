"""The strength of an intervention: the one number that a slider moves.

In flows an intervention. Out flows its strength, where its kind has one, or the same intervention
with another: a `Scale` by its factor, a `Steer` by its coefficient.
"""

from __future__ import annotations

from dataclasses import replace

from mechwidget.errors import InterventionError
from mechwidget.interventions import Intervention, Scale, Steer


def strength_of(intervention: Intervention) -> float | None:
    """Its strength, or None where its kind has none."""
    if isinstance(intervention, Scale):
        return intervention.factor
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
    raise InterventionError(f"“{intervention.sentence}” has no strength.")
