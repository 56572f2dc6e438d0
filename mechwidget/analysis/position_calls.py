"""What goes through a forward that only positions can have made: one run, watched by plain hooks.

In: a model and tokens. Out: `PositionCalls`: what modules returned that may be angles or biases,
and what each block was given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from mechwidget.models.calling import call_model
from mechwidget.models.hooks import hook_cancel, submodule
from mechwidget.models.trace import tensors_in
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn

    from mechwidget.models import HookedModel, Tokens

_MOST = 2  # tensors that a rotary module returns


@dataclass(eq=False)
class PositionCalls:
    """What one forward showed.

    Attributes:
        length: the number of positions of the main stack.
        outputs: name of a module, its how-manieth call, and what it returned; only what is small
            and made of one or two tensors.
        inputs: of each layer, the tensors that its block or its attention was given.
        biases: name of a module and what it returned, `[query, key, head]`.
    """

    length: int
    outputs: list[tuple[str, int, Any]] = field(default_factory=list)
    inputs: dict[int, list[torch.Tensor]] = field(default_factory=dict)
    biases: list[tuple[str, torch.Tensor]] = field(default_factory=list)
    blocks: dict[str, int] = field(default_factory=dict)

    def given(self, tensors: tuple[torch.Tensor, ...], made_in: str) -> tuple[int, ...]:
        """The layers that are given one of these tensors, or inside which they were made."""
        inside = [at for name, at in self.blocks.items() if made_in.startswith(f"{name}.")]
        return tuple(
            layer
            for layer, inputs in sorted(self.inputs.items())
            if layer in inside or any(one is other for one in inputs for other in tensors)
        )


def position_calls(
    model: HookedModel, tokens: Tokens, cancelled: Callable[[], bool] | None = None
) -> PositionCalls:
    """Run once, and keep what positions may have made."""
    main = next(stack for stack in model.stacks if stack.main)
    twin, found = make_twin(model.model), PositionCalls(len(tokens))
    if cancelled is not None:
        hook_cancel(twin, model.ledger, cancelled)
    for name, module in twin.named_modules():
        if name:
            module.register_forward_hook(partial(_note, found, name, {}))
    for layer in main.layers:
        block = model.ledger.blocks[layer]
        found.blocks[block.place.module] = layer
        places = [block.place, *([block.attention.place] if block.attention else [])]
        for place in places:
            look = partial(_look, found, layer)
            submodule(twin, place.module).register_forward_pre_hook(look, with_kwargs=True)
    call_model(model.source, twin, tokens)
    return found


def _note(
    found: PositionCalls,
    name: str,
    counts: dict[str, int],
    _module: nn.Module,
    args: Any,
    output: Any,
) -> None:
    counts[name] = counts.get(name, -1) + 1
    parts = list(tensors_in(output))
    n = found.length
    if not 1 <= len(parts) <= _MOST or parts[0].dim() < 2:
        return
    first = parts[0]
    asked = [one for one in args if not (one is None or isinstance(one, (int, float, str)))]
    indexed = bool(asked) and hasattr(asked[0], "dtype") and not asked[0].is_floating_point()
    if indexed and first.dim() == 3 and first.shape[:2] == (n, n):
        found.biases.append((name, first))
    if first.is_complex() or (len(parts) == _MOST and parts[0].shape == parts[1].shape):
        found.outputs.append((name, counts[name], output))


def _look(found: PositionCalls, layer: int, _module: nn.Module, args: Any, kwargs: Any) -> None:
    inputs = found.inputs.setdefault(layer, [])
    inputs.extend(one for one in tensors_in((args[1:], kwargs)) if one.dim() >= 2)
