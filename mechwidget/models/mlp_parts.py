"""The steps of an MLP, as functions: from what it reads to its neurons, from these to its write.

Found by looking at one forward pass of an example, and tried by calling modules, so that it does
not matter how weights are kept (transposed, adapted, one matrix for gate and up). Experts on
transformers' ExpertsInterface have the same steps, one expert at a time.

In: a hooked model, a layer, perhaps an expert. Out: `MlpParts`, made of a twin's modules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.calling import call_model, with_gradients
from mechwidget.models.carrier import activation_in, with_activation
from mechwidget.models.experts import expert_activations, expert_inputs, expert_output
from mechwidget.models.hooks import submodule
from mechwidget.models.leaves import is_linear
from mechwidget.models.norms import Norm, probed
from mechwidget.models.twin import make_twin, without_gradients

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.ledger import Block


@dataclass(frozen=True)
class MlpParts:
    """One MLP, or one expert, taken apart.

    Attributes:
        reads: the linear maps from what it reads, `[row, d]` to `[row, width]` each: one, or two
            where gate and up are two matrices.
        activate: from what those made to the neurons, `[row, neuron]`, for a few rows at once.
        writes: the down projection, `[row, neuron]` to `[row, d]`, biases included.
        norm: what the stream passes before it is read; None where nothing was found.
        post_norms: what the write passes on its way to the stream.
        factor: what it is multiplied by after all.
        example: `[row, d]`, what the MLP read in the example.
    """

    reads: tuple[Callable[[torch.Tensor], torch.Tensor], ...]
    activate: Callable[[Sequence[torch.Tensor]], torch.Tensor]
    writes: Callable[[torch.Tensor], torch.Tensor]
    norm: Norm | None
    post_norms: tuple[Norm, ...]
    factor: float
    example: torch.Tensor


class _EnoughError(Exception):
    """The neurons are there: the rest of the forward need not run."""


@dataclass(eq=False)
class _Look:
    """What one forward of the example showed."""

    given: dict[str, torch.Tensor] = field(default_factory=dict)  # into modules, by name
    made: dict[str, torch.Tensor] = field(default_factory=dict)  # by norms


def mlp_parts(model: HookedModel, layer: int, expert: int | None = None) -> MlpParts:
    """The parts of a layer's MLP, or of one of its experts. Called under the model's lock.

    Raises:
        UnsupportedModelError: nobody can tell what is what; the message says where it stopped.
    """
    block = model.ledger.blocks[layer]
    twin = without_gradients(make_twin(model.model))
    if expert is not None and block.experts is not None:
        return _of_expert(model, twin, block, expert)
    return _of_mlp(model, twin, block, layer)


def _of_mlp(model: HookedModel, twin: nn.Module, block: Block, layer: int) -> MlpParts:
    write = block.write("mlp")
    if write is None or write.projection is None:
        raise UnsupportedModelError(f"Layer {layer} has no neurons of its own.")
    down = write.projection.module
    home, _, own = down.rpartition(".")
    beside = [
        f"{home}.{name}".lstrip(".")
        for name, child in submodule(twin, home).named_children()
        if name != own and is_linear(child)
    ]
    look = _looked(model, twin, [*beside, down], block, until=down)
    first = [name for name in beside if name in look.given]
    if not first:
        raise UnsupportedModelError(
            f"What the neurons of layer {layer} read cannot be told: no linear map stands beside "
            "the down projection."
        )
    modules = [submodule(twin, name) for name in first]
    x = _rows(look.given[first[0]])
    return MlpParts(
        tuple(partial(_called, module) for module in modules),
        partial(_activated, model, twin, first, down),
        partial(_called, submodule(twin, down)),
        _norm_before(twin, block, look, x),
        _post_norms(twin, block),
        write.factor,
        x,
    )


def _of_expert(model: HookedModel, twin: nn.Module, block: Block, expert: int) -> MlpParts:
    experts: Any = block.experts
    name = experts.place.module
    look = _looked(model, twin, [name], block, until=name)
    own: Any = submodule(twin, name)
    x, write = _rows(look.given[name]), block.write("mlp")
    own_norm = [own.post_expert_norm] if own.has_post_expert_norm else []
    norms = [_norm_of(module, x) for module in own_norm]
    return MlpParts(
        (partial(expert_inputs, own, expert),),
        lambda made: expert_activations(own, made[0]),
        partial(expert_output, own, expert),
        _norm_before(twin, block, look, x),
        (*norms, *_post_norms(twin, block)),
        1.0 if write is None else write.factor,
        x,
    )


def _looked(
    model: HookedModel, twin: nn.Module, names: Sequence[str], block: Block, until: str
) -> _Look:
    """One forward of the example, up to the last of these modules."""
    look, handles = _Look(), []

    def entering(name: str, _module: nn.Module, args: Any, kwargs: Any) -> None:
        x = activation_in((args, kwargs))
        if x is not None:
            look.given[name] = x.detach()
        if name == until:
            raise _EnoughError

    def leaving(name: str, _module: nn.Module, _args: Any, result: Any) -> None:
        y = activation_in(result)
        if y is not None:
            look.made[name] = y.detach()

    for name in names:
        hook = submodule(twin, name).register_forward_pre_hook
        handles.append(hook(partial(entering, name), with_kwargs=True))
    for place in block.norms:
        module = submodule(twin, place.module)
        handles.append(module.register_forward_hook(partial(leaving, place.module)))
    try:
        call_model(model.source, twin, model.source.example())
    except _EnoughError:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return look


def _activated(
    model: HookedModel,
    twin: nn.Module,
    names: Sequence[str],
    down: str,
    made: Sequence[torch.Tensor],
) -> torch.Tensor:
    """The neurons, had the linear maps made these numbers: they are put in the example's place."""
    found: list[torch.Tensor] = []

    def instead(rows: torch.Tensor, _module: nn.Module, _args: Any, result: Any) -> Any:
        y = activation_in(result)
        if y is None:
            return None
        flat = y.reshape(-1, y.shape[-1])
        return with_activation(result, y, torch.cat([rows, flat[len(rows) :]]).reshape(y.shape))

    def caught(_module: nn.Module, args: Any, kwargs: Any) -> None:
        x = activation_in((args, kwargs))
        if x is not None:
            found.append(_rows(x)[: len(made[0])])
        raise _EnoughError

    handles = [
        submodule(twin, name).register_forward_hook(partial(instead, rows))
        for name, rows in zip(names, made, strict=True)
    ]
    hook = submodule(twin, down).register_forward_pre_hook
    handles.append(hook(caught, with_kwargs=True))

    def run() -> None:
        try:
            call_model(model.source, twin, model.source.example(), gradients=True)
        except _EnoughError:
            pass
        finally:
            for handle in handles:
                handle.remove()

    with_gradients(run)
    return found[0]


def _called(module: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    made = module(rows[None])
    answer: torch.Tensor = made[0] if isinstance(made, tuple) else made
    return answer.reshape(len(rows), -1)


def _rows(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(-1, tensor.shape[-1])


def _norm_before(twin: nn.Module, block: Block, look: _Look, x: torch.Tensor) -> Norm | None:
    """The norm whose output is the very thing that the MLP reads."""
    for place in block.norms:
        y = look.made.get(place.module)
        if y is not None and y.numel() == x.numel() and torch.equal(_rows(y), x):
            return _norm_of(submodule(twin, place.module), x)
    return None


def _post_norms(twin: nn.Module, block: Block) -> tuple[Norm, ...]:
    write = block.write("mlp")
    if write is None or not write.post_norm or write.at is None:
        return ()
    like = next(twin.parameters())
    width = like.new_zeros(1, 1, _width_of(submodule(twin, write.at.module)))
    return (_norm_of(submodule(twin, write.at.module), width[0]),)


def _width_of(norm: nn.Module) -> int:
    """How many numbers a norm is over: as many as it has gains."""
    return max((parameter.numel() for parameter in norm.parameters()), default=1)


def _norm_of(module: nn.Module, like: torch.Tensor) -> Norm:
    norm = probed(module, like[:1][None])
    if norm is None:
        raise UnsupportedModelError(
            f"{type(module).__name__} is neither a layer norm nor an RMS norm, so it cannot be "
            "held at one scale."
        )
    return norm
