"""Put the hooks of one run on a twin.

Only modules where a site is edited or read get a hook. A module that runs several times in one
forward (shared layers) is told apart by counting its calls.

In: a twin, bindings and the run's traffic. Out: the twin, hooked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mechwidget.errors import CancelledError, UnsupportedModelError
from mechwidget.models.carrier import activation_in, with_activation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mechwidget.models.bindings import Binding
    from mechwidget.models.ledger import Ledger, Place
    from mechwidget.models.sites import Site
    from mechwidget.models.traffic import Traffic


@dataclass(eq=False)
class SiteHooks:
    """The hooks of one module."""

    traffic: Traffic
    streams: dict[int, torch.Tensor]
    inputs: dict[int, list[Binding]] = field(default_factory=dict)
    outputs: dict[int, list[Binding]] = field(default_factory=dict)
    _calls: int = -1
    _passes: int = 0

    def before(self, _module: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any] | None:
        """A forward pre-hook."""
        if self._passes != self.traffic.passes:
            self._passes, self._calls = self.traffic.passes, -1
        self._calls += 1
        x = given = activation_in((args, kwargs))
        if x is None or given is None:
            return None
        for binding in self.inputs.get(self._calls, ()):
            if binding.end == "middle":
                self.streams[binding.site.layer or 0] = x
            else:
                x = _visit(self.traffic, binding, x)
        return None if x is given else with_activation((args, kwargs), given, x)

    def after(self, _module: nn.Module, _args: Any, result: Any) -> Any:
        """A forward hook."""
        y = given = activation_in(result)
        if y is None or given is None:
            return None
        for binding in self.outputs.get(self._calls, ()):
            if binding.end == "middle":
                y = self._middle(binding, y)
            else:
                y = _visit(self.traffic, binding, y)
        return None if y is given else with_activation(result, given, y)

    def _middle(self, binding: Binding, written: torch.Tensor) -> torch.Tensor:
        """The stream right after a write: edited by changing what is written."""
        written = self.traffic.arriving(binding.site, written)
        stream = self.traffic.arriving(binding.site, self.streams[binding.site.layer or 0])
        middle = stream + _scaled(written, binding.factor).reshape(stream.shape)
        edited = self.traffic.pass_on(binding.site, middle)
        if edited is middle:
            return written
        written = written.reshape(stream.shape)
        wanted = (edited - stream) / binding.factor
        return _through(torch.where(edited == middle, written, wanted), wanted)


def hook_sites(
    twin: nn.Module, bindings: Mapping[Site, Binding], ledger: Ledger, traffic: Traffic
) -> None:
    """Hook every input and output site that the run touches."""
    hooks: dict[str, SiteHooks] = {}
    streams: dict[int, torch.Tensor] = {}

    def at(place: Place) -> SiteHooks:
        return hooks.setdefault(place.module, SiteHooks(traffic, streams))

    for binding in (b for site, b in bindings.items() if site in traffic.sites):
        place = binding.place
        if place is None or binding.end in ("tap", "scale"):
            continue
        if binding.end == "input":
            at(place).inputs.setdefault(place.nth, []).append(binding)
            continue
        at(place).outputs.setdefault(place.nth, []).append(binding)
        if binding.end == "middle":
            block = ledger.blocks[binding.site.layer or 0].place
            at(block).inputs.setdefault(block.nth, []).append(binding)
    for name, module_hooks in hooks.items():
        module = submodule(twin, name)
        module.register_forward_pre_hook(module_hooks.before, with_kwargs=True)
        if module_hooks.outputs:
            module.register_forward_hook(module_hooks.after)


def hook_cancel(twin: nn.Module, ledger: Ledger, cancelled: Callable[[], bool]) -> None:
    """Ask `cancelled` before every block."""

    def check(_module: nn.Module, _args: Any) -> None:
        if cancelled():
            raise CancelledError("The run was cancelled.")

    for name in dict.fromkeys(block.place.module for block in ledger.blocks):
        submodule(twin, name).register_forward_pre_hook(check)


def hook_positions(twin: nn.Module, place: Place, positions: Iterable[int]) -> None:
    """Unembed only some positions."""
    keep = list(positions)

    def select(_module: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any] | None:
        x = activation_in((args, kwargs))
        return None if x is None else with_activation((args, kwargs), x, x[:, keep])

    submodule(twin, place.module).register_forward_pre_hook(select, with_kwargs=True)


def submodule(twin: nn.Module, name: str) -> nn.Module:
    """The twin's module of that name."""
    try:
        return twin.get_submodule(name)
    except AttributeError:
        raise UnsupportedModelError(
            f"The model no longer has the module {name!r}: it was changed after it was wrapped.",
            "Wrap it again.",
        ) from None


def _visit(traffic: Traffic, binding: Binding, carried: torch.Tensor) -> torch.Tensor:
    """Show a tensor to the traffic in its site's shape and scale."""
    carried = traffic.arriving(binding.site, carried)
    if binding.layout == "as it is":
        return traffic.pass_on(binding.site, carried)
    if binding.layout == "heads first":
        return traffic.pass_on(binding.site, carried.transpose(1, 2)).transpose(1, 2)
    width, rows = carried.shape[-1], traffic.shape[0]
    split = (binding.heads, width // binding.heads) if binding.heads else (width,)
    flat = carried.reshape(rows, -1, *split)  # OPT carries [batch · pos, d]
    shown = _scaled(flat, binding.factor)
    passed = traffic.pass_on(binding.site, shown)
    if passed is shown:
        return carried
    changed = passed.reshape(carried.shape)
    if binding.factor == 1:
        return changed
    wanted = changed / binding.factor
    return _through(torch.where(changed == shown.reshape(carried.shape), carried, wanted), wanted)


def _through(value: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """`value`, which is `wanted` but for rounding, with the gradient of `wanted`."""
    return value.detach() + (wanted - wanted.detach()) if wanted.requires_grad else value


def _scaled(tensor: torch.Tensor, factor: float) -> torch.Tensor:
    return tensor if factor == 1 else tensor * factor
