"""What every component shares: a layer, positions, a site, and where it is in the site's tensor.

In: a frozen dataclass per kind (see `components`). Out: indices into `[batch, pos, …]`, checks
against a model, JSON and words.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from mechwidget.errors import ComponentError, InterventionError
from mechwidget.interventions.fields import boolean, token_positions, whole_number
from mechwidget.models.edit import Edit
from mechwidget.models.sites import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.window import Window

Index = tuple[Any, ...]


class Component(ABC):
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
    def absent(self) -> str:
        """Why an edit of it may find that it is not there in some run."""
        return Edit.absent

    @property
    def unit(self) -> int | None:
        """Its index along the third axis of that tensor, or None for all of it."""
        return getattr(self, self.unit_field) if self.unit_field else None

    def check(self, model: HookedModel) -> None:
        """Raise `ComponentError`, naming what exists, unless `model` has this component."""
        if not 0 <= self.layer < model.n_layers:
            raise ComponentError(
                f"{self} does not exist: {model.name} has {count(model.n_layers, 'layer')}."
            )
        self._check_unit(model)

    @abstractmethod
    def _check_unit(self, model: HookedModel) -> None:
        """Raise `ComponentError` unless the layer, which exists, has this part."""

    def width(self, model: HookedModel) -> int:
        """How many numbers it has at one position of `model`; 0 where it is a single number."""
        return model.stack_of(self.layer).d_model

    def rows(self, n_positions: int) -> list[int] | None:
        """Its positions in a prompt of so many tokens, counted from 0; None is all of them."""
        if self.positions is None:
            return None
        return sorted({self.place(p, n_positions) for p in self.positions})

    def place(self, position: int, n_positions: int) -> int:
        """One position, negative ones from the end, counted from 0 and checked."""
        if not -n_positions <= position < n_positions:
            raise InterventionError(
                f"{self} names position {position}; the prompt has {n_positions} tokens."
            )
        return position % n_positions

    def inside(self, window: Window) -> Self | None:
        """What of it lies in a window, its positions counted from the window's start."""
        if self.positions is None:
            return self
        places = {window.place(position, self) for position in self.positions}
        here = sorted(place - window.start for place in places if place in window)
        return cast("Self", replace(cast("Any", self), positions=here)) if here else None

    def at(self, rows: list[int] | None) -> Index:
        """Where its activation at these positions is in its site's tensor `[batch, pos, …]`."""
        where = slice(None) if rows is None else rows
        return (slice(None), where) if self.unit is None else (slice(None), where, self.unit)

    def held(self, tensor: torch.Tensor) -> torch.Tensor:
        """What of its site's tensor `at` counts in: all of it, for most."""
        return tensor

    def placed(self, edit: Edit) -> Sequence[Edit]:
        """An edit of what `held` gives, as edits of sites: itself, for most."""
        return (edit,)

    def within(self, n_positions: int) -> Index:
        """Where its activation is in its site's tensor, for a prompt of so many tokens."""
        return self.at(self.rows(n_positions))

    def require_in(self, held: torch.Tensor) -> None:  # noqa: B027 - most have nothing to check
        """Raise `InterventionError` unless its site's tensor, seen at last, has what it names."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `component_from_json` reads back to an equal component."""
        data: dict[str, Any] = {"type": self.kind}
        for field in fields(cast("Any", self)):
            value = getattr(self, field.name)
            if field.default is MISSING or value != field.default:
                data[field.name] = list(value) if isinstance(value, tuple) else value
        return data

    def __str__(self) -> str:
        unit = f".{self.unit}" if self.unit_field else ""
        name = "MLP" if self.kind == "mlp" else self.kind
        where = f" at {', '.join(map(str, self.positions))}" if self.positions else ""
        cross = "cross " if getattr(self, "cross", False) else ""
        return f"{cross}{name} {self.layer}{unit}{where}"

    def __post_init__(self) -> None:
        for field in ("layer", self.unit_field):
            if field:
                value = whole_number(getattr(self, field), f"{self.kind} {field}")
                object.__setattr__(self, field, value)
        boolean(getattr(self, "cross", False), f"{self.kind} cross")
        object.__setattr__(self, "positions", token_positions(self.positions))


def count(n: int, noun: str) -> str:
    """How many there are, and their numbers."""
    return f"1 {noun} (0)" if n == 1 else f"{n} {noun}s (0 to {n - 1})"
