"""A throwaway twin of the user's module: the same tensors, its own everything else.

Every trace and every run goes through a twin. It shares the parameters and buffers of the
module it was made from and copies the Python around them: the tree of modules, their hooks,
their lists, their `training` flag. Hooks, a switched attention implementation, eval mode and a
replaced `forward` therefore exist only on the twin, which one thread uses and nobody keeps. The
user's module is never written to, so that no exception, interrupt or other thread can find it
changed.

In: a module as it is now (its own hooks and patches included). Out: its twin, uncompiled,
since a compiled forward does not see hooks that were added later.
"""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict
from types import MethodType
from typing import Any

import torch
from torch import nn

from mechwidget.models.wiring import OFFLOADER, offloader_of_its_own, rewired

_OWN = (
    "_parameters",
    "_buffers",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_non_persistent_buffers_set",
)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_UNUSED = (  # nothing that a forward without gradients looks at
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
_NOT_COPIED = {*_OWN, "_modules", "_compiled_call_impl"}
_PLAIN = {bool, int, float, str, type(None), torch.dtype, torch.device}
_DEPTH = 3  # how deep lists and dicts in attributes are searched for modules
_CONTAINERS = (list, tuple, dict, OrderedDict, set)


def uncompiled(module: nn.Module) -> nn.Module:
    """The module that `torch.compile` was given, or the module itself."""
    original = module.__dict__.get("_modules", module.__dict__).get("_orig_mod")
    return uncompiled(original) if isinstance(original, nn.Module) else module


def make_twin(module: nn.Module) -> nn.Module:
    """A twin of `module` in eval mode, safe to hook, patch and throw away."""
    return _Twins().of(module)


def without_gradients(twin: nn.Module) -> nn.Module:
    """The twin with parameters of its own, of the same numbers, that no gradient is taken of."""
    known: dict[int, torch.Tensor] = {}
    for module in twin.modules():
        for state in (module.__dict__["_parameters"], module.__dict__["_buffers"]):
            for name, tensor in state.items():
                if tensor is not None and (tensor.requires_grad or tensor.is_inference()):
                    state[name] = known.setdefault(id(tensor), _constant(tensor))
    return twin


def _constant(tensor: torch.Tensor) -> torch.Tensor:
    plain = tensor.detach()
    plain = plain.clone() if plain.is_inference() else plain  # no tape may hold inference tensors
    return nn.Parameter(plain, requires_grad=False) if isinstance(tensor, nn.Parameter) else plain


class _Twins:
    """Original to twin for one tree, so that what was shared stays shared."""

    def __init__(self) -> None:
        self.known: dict[int, nn.Module] = {}
        self.offloaders: dict[int, Any] = {}

    def of(self, original: nn.Module) -> nn.Module:
        original = uncompiled(original)
        if id(original) in self.known:
            return self.known[id(original)]
        if isinstance(original, torch.jit.ScriptModule):
            return original  # its state lives in C++: there is no Python to copy, nor to hook
        twin: nn.Module = object.__new__(type(original))
        self.known[id(original)] = twin
        source, state = original.__dict__.copy(), twin.__dict__  # another thread may add to it
        for name in _OWN:
            state[name] = source[name].copy()
        state["_modules"] = {
            name: None if child is None else self.of(child)
            for name, child in source["_modules"].copy().items()
        }
        for name in _HOOKS:
            for key, hook in state[name].items():
                state[name][key] = rewired(hook, self.of)
        for name, value in source.items():
            if name not in _NOT_COPIED:
                state[name] = self._attribute(name, value)
        state["training"] = False
        plain = _before_compilation(getattr(type(original), "forward", None))
        if plain is not None and "forward" not in state:
            state["forward"] = MethodType(plain, twin)
        return twin

    def _attribute(self, name: str, value: Any) -> Any:
        if type(value) in _PLAIN or name in _UNUSED:
            return value
        if name == OFFLOADER:
            return offloader_of_its_own(value, self.offloaders)
        return self._moved(value, _DEPTH)

    def _moved(self, value: Any, depth: int) -> Any:
        """`value` with every reference to a module turned to that module's twin."""
        if isinstance(value, nn.Module):
            return self.of(value)
        if isinstance(value, MethodType):
            return MethodType(value.__func__, self._moved(value.__self__, 0))
        if type(value) in _CONTAINERS:
            return self._moved_container(value, depth - 1) if depth else value
        if isinstance(value, functools.partial):
            return self._moved_partial(value, depth)
        if callable(value) and hasattr(type(value), "__deepcopy__"):
            # It says itself how it goes along with a copy of its module, as nnsight's forward does.
            return copy.deepcopy(value, dict(self.known))
        plain = _before_compilation(value)
        return value if plain is None else self._moved(plain, depth)

    def _moved_container(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            return type(value)((key, self._moved(item, depth)) for key, item in value.items())
        return type(value)(self._moved(item, depth) for item in value)

    def _moved_partial(self, value: functools.partial[Any], depth: int) -> Any:
        moved = functools.partial(
            self._moved(value.func, depth),
            *(self._moved(argument, depth) for argument in value.args),
            **{name: self._moved(item, depth) for name, item in value.keywords.items()},
        )
        moved.__dict__.update(value.__dict__)
        return moved


def _before_compilation(function: Any) -> Any:
    """What `torch.compile` was given when `function` is its result, else None."""
    return getattr(function, "_torchdynamo_orig_callable", None) if callable(function) else None
