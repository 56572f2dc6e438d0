"""A stamp of everything that a remembered forward pass depends on, cheap enough for every run.

Numbers of an earlier run may stand in for a computation only while the model is what it was then.
A stamp holds the identity and version counter of every parameter and buffer, some of its values,
and every plain attribute of every module and config. The values are there for writes behind
autograd's back, which move no counter: `weight.data[...] = 0`. Such a write to less than about
1/256 of a matrix may go unseen; `HookedModel.baselines.forget()` is for that. What cannot be
vouched for (hooks and patched forwards of the user's own, which have to be called; weights that
are elsewhere) is a reason to compute.

In: the user's module. Out: a `Stamp` that can say whether it still holds.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.modules import module as torch_module

from mechwidget.models.versions import version_of
from mechwidget.models.wiring import OFFLOADER, is_recorder, is_wiring

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PLAIN = {bool, int, float, str, type(None), torch.dtype, torch.device}
_SMALL = {dict, list, set, tuple}
_FEW = 64
_OF_TORCH = {"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"}
_DENSE = {torch.Tensor, nn.Parameter, nn.Buffer}
_SAMPLES = 256  # of a matrix: each costs a cache miss, in every run
_MOST_OF_A_VECTOR = 8192
_GOLDEN = 0.618
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_GLOBAL_HOOKS = ("_global_forward_hooks", "_global_forward_pre_hooks")


class Stamp:
    """What a module was at one moment."""

    def __init__(self, module: nn.Module) -> None:
        self._structure = _structure(module)
        self._tensors = tuple(_Tensor(tensor) for tensor in _tensors(module))
        self._samples = _samples(_tensors(module))

    def holds(self, module: nn.Module) -> bool:
        """Whether `module` is still the same, with the same weights."""
        if _structure(module) != self._structure:
            return False
        now = tuple(_tensors(module))
        if len(now) != len(self._tensors) or not all(
            then.is_still(tensor) for then, tensor in zip(self._tensors, now, strict=True)
        ):
            return False
        samples = _samples(now)
        return samples.keys() == self._samples.keys() and all(
            torch.equal(sample, self._samples[kind]) for kind, sample in samples.items()
        )


def why_not(module: nn.Module) -> str:
    """Why no number of this module may stand in for a call of it; empty when it may."""
    if any(getattr(torch_module, name) for name in _GLOBAL_HOOKS):
        return "torch has global forward hooks, which every call must pass"
    for each in _modules(module):
        state = each.__dict__
        if isinstance(each, torch.jit.ScriptModule):
            return "part of the model is compiled by TorchScript"
        if any(_has_to_run(hook) for name in _HOOKS for hook in state[name].values()):
            return f"{type(each).__name__} has forward hooks of your own, which every call must run"
        if OFFLOADER in state:
            return "accelerate's hooks move its weights or inputs, which every call must run"
        if "forward" in state and not hasattr(state["forward"], "_torchdynamo_orig_callable"):
            return f"{type(each).__name__} has a patched forward, which every call must run"
        if any(t is not None and t.device.type == "meta" for t in state["_parameters"].values()):
            return "its weights are offloaded"
    return ""


def _has_to_run(hook: Any) -> bool:
    """Whether a forward hook is somebody's own, and not a library's that does nothing here."""
    return not is_wiring(hook) and not is_recorder(hook)


class _Tensor:
    """One parameter or buffer as it was."""

    __slots__ = ("_pointer", "_reference", "_version")

    def __init__(self, tensor: torch.Tensor) -> None:
        self._reference = weakref.ref(tensor)
        self._version = version_of(tensor)
        self._pointer = _pointer(tensor)

    def is_still(self, tensor: torch.Tensor) -> bool:
        """Whether `tensor` is that one, and nobody has counted a write to it."""
        return (
            self._reference() is tensor
            and version_of(tensor) == self._version
            and _pointer(tensor) == self._pointer
        )


def _modules(root: nn.Module) -> Iterator[nn.Module]:
    seen, waiting = set(), [root]
    while waiting:
        module = waiting.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield module
            waiting.extend(child for child in module._modules.values() if child is not None)  # noqa: SLF001


def _structure(root: nn.Module) -> tuple[Any, ...]:
    """Which modules there are, and every plain value on them and on their configs."""
    record: list[Any] = []
    configs: dict[int, Any] = {}
    for module in _modules(root):
        record += (id(module), type(module), *_values(module.__dict__))
        config = module.__dict__.get("config")
        if hasattr(config, "__dict__"):
            configs[id(config)] = config
    for config in configs.values():
        record += _values(vars(config))
    return tuple(record)


def _values(state: dict[str, Any]) -> Iterator[Any]:
    for name, value in tuple(state.items()):
        if type(value) in _PLAIN:
            yield value
        else:
            yield id(value)
            if type(value) in _SMALL and name not in _OF_TORCH and len(value) <= _FEW:
                yield _content(value)


def _content(value: Any) -> tuple[Any, ...]:
    """What a small container holds: the scale of each LoRA adapter is kept in a dict, say."""
    items = (*value, *value.values()) if isinstance(value, dict) else value
    return tuple(item if type(item) in _PLAIN else id(item) for item in tuple(items))


def _tensors(root: nn.Module) -> Iterator[torch.Tensor]:
    seen: set[int] = set()
    for module in _modules(root):
        state = module.__dict__
        for values in (state["_parameters"], state["_buffers"], state):
            for value in tuple(values.values()):
                if isinstance(value, torch.Tensor) and id(value) not in seen:
                    seen.add(id(value))
                    yield value


def _pointer(tensor: torch.Tensor) -> int:
    return tensor.data_ptr() if type(tensor) in _DENSE else 0


def _samples(
    tensors: Iterable[torch.Tensor],
) -> dict[tuple[torch.dtype, torch.device, int], torch.Tensor]:
    """Values from all over all tensors, by what can be laid end to end."""
    alike: dict[tuple[torch.dtype, torch.device], list[torch.Tensor]] = {}
    for tensor in tensors:
        sample = _sample(tensor)
        if sample is not None:
            alike.setdefault((sample.dtype, sample.device), []).append(sample)
    return {(*kind, len(some)): torch.cat(some) for kind, some in alike.items()}


def _sample(tensor: torch.Tensor) -> torch.Tensor | None:
    """Values from all over a tensor; None where they cannot be looked at."""
    if type(tensor) not in _DENSE or tensor.layout is not torch.strided or tensor.is_quantized:
        return None
    if not tensor.is_contiguous():
        tensor = tensor.detach().flatten()
    length = tensor.numel()
    if length <= _SAMPLES or tensor.dim() < 2:
        step = length // _MOST_OF_A_VECTOR + 1
    else:  # on by some rows and by the golden section of a row: no band of either stays unseen
        columns = tensor.shape[-1]
        step = length // _SAMPLES // columns * columns + round(_GOLDEN * columns)
        step = max(1, step)
    return tensor.detach().as_strided(((length + step - 1) // step,), (step,))
