"""Components: the parts of a model that a person points at.

`Head`, `MLP`, `Attention` and `Neuron` are frozen values: equal when they name the same part,
usable as dictionary keys, and equal to the code that a person would have typed. Each knows the
site whose tensor holds its activation, its index in that tensor (`unit`), and how to check that
a model has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mechwidget.errors import ComponentError
from mechwidget.interventions.fields import token_positions, whole_number
from mechwidget.models.sites import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.models.hooked_model import HookedModel


class Component:
    """What every component shares.

    Attributes:
        layer: the block it sits in, from 0.
        positions: the token positions where it counts, negative ones from the end; None is all.
    """

    __slots__ = ()
    kind: ClassVar[str]
    site_name: ClassVar[str]
    unit_field: ClassVar[str] = ""
    layer: int
    positions: Sequence[int] | None

    @property
    def site(self) -> Site:
        """The site whose tensor holds this component's activation."""
        return Site(self.site_name, self.layer)

    @property
    def unit(self) -> int | None:
        """Its index along the third axis of that tensor, or None for all of it."""
        return getattr(self, self.unit_field) if self.unit_field else None

    def check(self, model: HookedModel) -> None:
        """Raise `ComponentError`, naming what exists, unless `model` has this component."""
        if not 0 <= self.layer < model.n_layers:
            raise ComponentError(
                f"{self} does not exist: {model.name} has {_count(model.n_layers, 'layer')}."
            )
        self._check_unit(model)

    def _check_unit(self, model: HookedModel) -> None:
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `component_from_json` reads back to an equal component."""
        data: dict[str, Any] = {"type": self.kind, "layer": self.layer}
        if self.unit_field:
            data[self.unit_field] = self.unit
        if self.positions is not None:
            data["positions"] = list(self.positions)
        return data

    def __str__(self) -> str:
        unit = f".{self.unit}" if self.unit_field else ""
        name = "MLP" if self.kind == "mlp" else self.kind
        where = f" at {', '.join(map(str, self.positions))}" if self.positions else ""
        return f"{name} {self.layer}{unit}{where}"

    def __post_init__(self) -> None:
        for field in ("layer", self.unit_field):
            if field:
                value = whole_number(getattr(self, field), f"{self.kind} {field}")
                object.__setattr__(self, field, value)
        object.__setattr__(self, "positions", token_positions(self.positions))


@dataclass(frozen=True, slots=True)
class Head(Component):
    """One attention head: its slice of `z`, the input of the output projection W_O."""

    kind = "head"
    site_name = "z"
    unit_field = "head"
    layer: int
    head: int
    positions: Sequence[int] | None = None

    def _check_unit(self, model: HookedModel) -> None:
        heads = model.n_heads(self.layer)
        if self.head >= heads:
            has = _count(heads, "head") if heads else "no attention heads"
            raise ComponentError(f"{self} does not exist: layer {self.layer} has {has}.")


@dataclass(frozen=True, slots=True)
class Attention(Component):
    """The attention of one layer: everything that it writes to the residual stream."""

    kind = "attention"
    site_name = "attn_out"
    layer: int
    positions: Sequence[int] | None = None

    def _check_unit(self, model: HookedModel) -> None:
        if not model.has_attention(self.layer):
            raise ComponentError(f"{self} does not exist: layer {self.layer} has no attention.")


@dataclass(frozen=True, slots=True)
class MLP(Component):
    """The MLP of one layer: everything that it writes to the residual stream."""

    kind = "mlp"
    site_name = "mlp_out"
    layer: int
    positions: Sequence[int] | None = None

    def _check_unit(self, model: HookedModel) -> None:
        if not model.has_mlp(self.layer):
            raise ComponentError(f"{self} does not exist: layer {self.layer} has no MLP.")


@dataclass(frozen=True, slots=True)
class Neuron(Component):
    """One MLP neuron: one input of the down projection (`mlp_post`)."""

    kind = "neuron"
    site_name = "mlp_post"
    unit_field = "index"
    layer: int
    index: int
    positions: Sequence[int] | None = None

    def _check_unit(self, model: HookedModel) -> None:
        neurons = model.n_neurons(self.layer)
        if self.index >= neurons:
            has = _count(neurons, "neuron") if neurons else "no neurons of its own"
            raise ComponentError(f"{self} does not exist: layer {self.layer} has {has}.")


KINDS: dict[str, type[Component]] = {c.kind: c for c in (Head, Attention, MLP, Neuron)}


def _count(n: int, noun: str) -> str:
    return f"1 {noun} (0)" if n == 1 else f"{n} {noun}s (0 to {n - 1})"
