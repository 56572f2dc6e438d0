"""What a library has put onto the modules of a model so that they work together, for a twin.

Three things refer to the very modules, or hold state of one forward pass, and would lead a twin
back to the user's own: forward hooks that reach a neighbour through a weak reference (a
TransformerLens bridge hands the stream past a norm in this way), accelerate's hooks that bring
offloaded weights in and take them away again, and the handles of either.

In: such a hook, and what turns a module into its twin. Out: the same for the twin.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

from torch import nn

OFFLOADER = "_hf_hook"  # where accelerate keeps the hook of a module
_RECORDERS = "transformers.utils.output_capturing"

_PROXIES = weakref.ProxyTypes
_TwinOf = Callable[[nn.Module], nn.Module]


def is_wiring(hook: Any) -> bool:
    """Whether a forward hook reaches another module of its model through a weak reference.

    What a person hooks in holds what it needs; only a library that owns the whole model takes
    care not to keep its modules alive.
    """
    return isinstance(hook, FunctionType) and any(
        _module_behind(value) is not None for value in _enclosed(hook)
    )


def is_recorder(hook: Any) -> bool:
    """Whether a forward hook is one that transformers leaves behind after `output_hidden_states`.

    It records where somebody asked for it and is asleep in every other call, ours included.
    """
    return getattr(hook, "__module__", None) == _RECORDERS


def rewired(hook: Any, twin_of: _TwinOf) -> Any:
    """`hook`, or where it is wiring the same function with twins for the modules it refers to."""
    if not is_wiring(hook):
        return hook
    cells = tuple(CellType(_turned(value, twin_of)) for value in _enclosed(hook))
    made = FunctionType(hook.__code__, hook.__globals__, hook.__name__, hook.__defaults__, cells)
    made.__kwdefaults__ = hook.__kwdefaults__
    return made


def offloader_of_its_own(hook: Any, known: dict[int, Any]) -> Any:
    """A copy of accelerate's hook with its own notes on what it has brought in.

    The weights themselves are shared. `known` is one dictionary per twin: the notes on tied
    weights are shared between the hooks of one model.
    """
    if id(hook) in known:
        return known[id(hook)]
    made = known[id(hook)] = copy.copy(hook)
    for name, value in vars(hook).items():
        if name == "tied_params_map" and isinstance(value, dict):
            made.__dict__[name] = known.setdefault(
                id(value), {pointer: dict(devices) for pointer, devices in value.items()}
            )
        elif name == "hooks":
            made.__dict__[name] = tuple(offloader_of_its_own(part, known) for part in value)
        elif type(value) in (dict, set, list) and name != "weights_map":
            made.__dict__[name] = copy.copy(value)
    return made


def _enclosed(hook: FunctionType) -> list[Any]:
    return [_content(cell) for cell in hook.__closure__ or ()]


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that was never given a value
        return None


def _turned(value: Any, twin_of: _TwinOf) -> Any:
    behind = _module_behind(value)
    if behind is not None:
        return weakref.proxy(twin_of(behind))
    return twin_of(value) if isinstance(value, nn.Module) else value


def _module_behind(value: Any) -> nn.Module | None:
    """The module that a weak proxy stands for; None for anything else, and for a dead one."""
    if type(value) not in _PROXIES:
        return None
    try:
        behind = value.__repr__.__self__  # a proxy's methods are bound to what it stands for
    except ReferenceError:
        return None
    return behind if isinstance(behind, nn.Module) else None
