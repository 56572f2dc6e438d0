"""Whether modules carry their activations in the way that a plain hook takes for granted.

A hook of a few lines can replace the first argument of a module, or what it returns, where that is
`[batch, pos, width]` and the module runs once per forward. One forward on a short example shows it.

In: a hooked model and names of modules. Out: nothing, or an `InterventionError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from mechwidget.as_code.experiment import not_in
from mechwidget.models.calling import call_model
from mechwidget.models.hooks import submodule
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mechwidget.models import HookedModel


def require_plain(model: HookedModel, places: Iterable[tuple[str, str]], style: str) -> None:
    """Raise unless each (module, "input" or "output") can be replaced by a plain hook."""
    wanted = tuple(dict.fromkeys(places))
    if not wanted:
        return
    example = model.source.example()
    seen: dict[tuple[str, str], list[Any]] = {place: [] for place in wanted}
    with model.lock:
        twin = make_twin(model.model)
        for name, end in wanted:
            kept = seen[name, end]
            if end == "input":
                submodule(twin, name).register_forward_pre_hook(_first_argument(kept))
            else:
                submodule(twin, name).register_forward_hook(_first_result(kept))
        call_model(model.source, twin, example)
    for (name, end), carried in seen.items():
        if len(carried) != 1:
            raise not_in(style, f"{name} runs {len(carried)} times in one forward pass")
        if carried[0] is None or carried[0][:2] != (1, len(example)) or len(carried[0]) != 3:
            raise not_in(style, f"the {end} of {name} is not [batch, position, width]")


def _first_argument(kept: list[Any]) -> Any:
    def look(_module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        kept.append(_shape(args[0] if args else None))

    return look


def _first_result(kept: list[Any]) -> Any:
    def look(_module: torch.nn.Module, _args: Any, result: Any) -> None:
        kept.append(_shape(result[0] if isinstance(result, tuple) else result))

    return look


def _shape(value: Any) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else None
