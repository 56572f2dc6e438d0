"""How the modules of a model carry activations: what a hook of a few lines has to know of them.

Such a hook can replace the first argument of a module, or what it returns (first in a tuple),
where that is `[batch, pos, width]`, or `[batch · pos, width]`, and the module runs once per
forward. One forward on a short example shows which is so.

In: a hooked model. Out: per module and end whether it is flat, or an `InterventionError`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.as_code.experiment import not_in
from mechwidget.models.calling import call_model
from mechwidget.models.hooks import submodule
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from mechwidget.models import HookedModel
    from mechwidget.models.bindings import Binding

Shape = tuple[int, ...] | None


class Carriers:
    """What the modules of one model are given and return, in one forward pass."""

    def __init__(self, model: HookedModel, bindings: list[Binding], style: str) -> None:
        example = model.source.example()
        self._style, self._n = style, len(example)
        names = {b.place.module for b in bindings if b.place is not None and b.end != "tap"}
        self._given: dict[str, list[Shape]] = {name: [] for name in names}
        self._returned: dict[str, list[Shape]] = {name: [] for name in names}
        with model.lock:
            twin = make_twin(model.model)
            for name in names:
                module = submodule(twin, name)
                module.register_forward_pre_hook(partial(_note_given, self._given[name]))
                module.register_forward_hook(partial(_note_returned, self._returned[name]))
            call_model(model.source, twin, example)

    def is_flat(self, name: str, end: str) -> bool:
        """Whether a module carries `[batch · pos, width]`; raises unless that or the usual."""
        shapes = (self._given if end == "input" else self._returned)[name]
        if len(shapes) != 1:
            raise not_in(self._style, f"{name} runs {len(shapes)} times in one forward pass")
        shape = shapes[0] or ()
        if shape[:-1] not in ((1, self._n), (self._n,)):
            raise not_in(self._style, f"the {end} of {name} is not [batch, position, width]")
        return len(shape) == 2


def _note_given(shapes: list[Shape], _module: torch.nn.Module, args: tuple[Any, ...]) -> None:
    shapes.append(_shape(args[0] if args else None))


def _note_returned(shapes: list[Shape], _module: torch.nn.Module, _args: Any, result: Any) -> None:
    shapes.append(_shape(result[0] if isinstance(result, tuple) else result))


def _shape(value: Any) -> Shape:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else None
