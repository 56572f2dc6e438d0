"""Turn the sign of what a component holds."""

from dataclasses import dataclass

from mechwidget.interventions import Component, Intervention, component_edits, require_component


@dataclass(frozen=True, slots=True)
class Flip(Intervention):
    """Multiply a component's activation by -1."""

    kind = "flip"
    component: Component

    def __post_init__(self):
        require_component(self.component, "Flip", (Component,))

    @property
    def sentence(self):
        return f"Flip {self.component}"

    def edits(self, model, n_positions):
        self.component.check(model)
        return component_edits(self.component, n_positions, lambda x: -x, "it was 0")
