"""What every intervention is: immutable data with a sentence, JSON, and edits for a run.

Each intervention is a frozen dataclass whose fields say everything: equal ones do the same, its
`repr` is the code that a person would have typed, and `to_json` goes through
`intervention_from_json` and back. Those of one list are applied in its order at each site (the
later one sees what the earlier one left); across sites the model's own order rules.

In: fields from code or from JSON, checked when it is made. Out: the edits of one run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from mechwidget.errors import InterventionError
from mechwidget.interventions.component import Component
from mechwidget.interventions.components import Edge, ExpertNeuron, Layer, Neuron
from mechwidget.interventions.feature import Feature
from mechwidget.interventions.fields import short
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from mechwidget.interventions.component import Index
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.window import Window


class Intervention(ABC):
    """What every intervention shares.

    Attributes:
        kind: its type in JSON.
        always: fields that JSON has even where they have their default value.
    """

    __slots__ = ()
    kind: ClassVar[str]
    always: ClassVar[tuple[str, ...]] = ()

    @property
    def target(self) -> Component | None:
        """The component that it is about; None where it is about several."""
        found = getattr(self, "component", None)
        return found if isinstance(found, Component) else None

    @property
    @abstractmethod
    def sentence(self) -> str:
        """What it does, in words."""

    @abstractmethod
    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """The edits of one run over `n_positions` tokens, checked against `model`."""

    @property
    def prompt_only(self) -> bool:
        """Whether it says what to do at each position of the prompt, and so of nothing later."""
        return False

    def edits_at(self, model: HookedModel, window: Window) -> Sequence[Edit]:
        """The edits of one call of the model in a generation, which computes a window only.

        Their tensors hold the positions of the window; the keys of a pattern are all from 0 to
        the end of the window. What is `prompt_only` is asked for the whole prompt.
        """
        component = self.target
        here = None if component is None else component.inside(window)
        if self.prompt_only or component is None or here is component:
            return self.edits(model, len(window))
        if here is None:
            component.check(model)
            return ()
        # An edge's key may lie before the window: it is counted in all positions so far.
        extent = window.stop if isinstance(component, Edge) else len(window)
        moved = cast("Intervention", replace(cast("Any", self), component=here))
        return moved.edits(model, extent)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `intervention_from_json` reads back to an equal intervention."""
        data: dict[str, Any] = {"type": self.kind}
        for field in fields(cast("Any", self)):
            value = getattr(self, field.name)
            if field.default is MISSING or field.name in self.always or value != field.default:
                data[field.name] = _plain(value)
        return data


def component_edits(
    component: Component,
    n_positions: int,
    change: Callable[[torch.Tensor], Any],
    idle: str = Edit.idle,
) -> Sequence[Edit]:
    """Put `change(activation)` in the place of a component's activation.

    `change` is given `[batch, pos, …]`, only the component's positions and unit (`[batch]` for an
    edge, `[batch, pos]` for a feature), and returns the same shape or what broadcasts to it.
    """
    apply = partial(_changed, component, component.within(n_positions), change)
    return component.placed(Edit(component.site, apply, idle=idle, absent=component.absent))


def require_component(component: object, verb: str, kinds: tuple[type[Component], ...]) -> None:
    """Raise `InterventionError`, saying what to write instead, unless it is one of `kinds`."""
    if isinstance(component, kinds):
        return
    names = [kind.__name__ for kind in kinds]
    expected = " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    expected = f"{'an' if expected[0] in 'AE' else 'a'} {expected}"
    hint = ""
    if isinstance(component, Layer):
        hint = "SkipLayer takes a layer out; Residual(layer) is the stream."
    elif isinstance(component, Edge):
        hint = "KnockOut takes an edge out; Scale and SetValue change it."
    elif isinstance(component, (Neuron, ExpertNeuron, Feature)):
        noun = component.kind.split("_")[-1]
        hint = f"A {noun} is one number: SetValue sets it, Scale multiplies it."
    raise InterventionError(f"{verb} was given {short(component)}; expected {expected}.", hint)


def _changed(
    component: Component,
    where: Index,
    change: Callable[[torch.Tensor], Any],
    tensor: torch.Tensor,
) -> torch.Tensor:
    component.require_in(tensor)
    edited = tensor.clone()
    edited[where] = change(tensor[where])
    return edited


def _plain(value: Any) -> Any:
    if hasattr(value, "to_json"):
        return value.to_json()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
