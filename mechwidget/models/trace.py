"""One traced forward: which module was called when, with what, and what came out.

In: a twin and a few token ids. Out: a `Trace`: module calls in order of return, the dataflow
between their tensors, the attention events, and the logits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack, _pop_mode

from mechwidget.models.attention import TAP, switch_attention
from mechwidget.models.calling import call_model
from mechwidget.models.dataflow import AttentionEvent, Dataflow

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHOLE_ROW = 0.99  # what a row of a pattern sums to, rounding (of half precision) allowed for


@dataclass(eq=False)
class Call:
    """One call of one module.

    Attributes:
        name: the module's qualified name.
        entered: clock at entry; `left`: clock at return.
        args: positional arguments; `kwargs`: named ones.
        x: the first activation that went in; `y`: the first that came out.
    """

    name: str
    module: nn.Module
    entered: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    x: torch.Tensor | None
    left: int = -1
    y: torch.Tensor | None = None
    nth: int = 0


@dataclass(eq=False)
class Trace:
    """What one forward pass did."""

    twin: nn.Module
    ids: torch.Tensor
    flow: Dataflow
    calls: list[Call] = field(default_factory=list)
    logits: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    key_heads: int | None = None
    _made_by: dict[int, list[Call]] = field(default_factory=dict)

    @property
    def attentions(self) -> list[AttentionEvent]:
        """Every softmax over (query, key), in order."""
        return self.flow.attentions

    def makers(self, tensor: torch.Tensor, within: str) -> list[Call]:
        """The calls inside module `within` that returned `tensor`, innermost first."""
        return [c for c in self._made_by.get(id(tensor), ()) if c.name.startswith(f"{within}.")]

    def index(self) -> None:
        """Prepare `makers` once the forward is over."""
        for call in self.calls:
            if call.y is not None:
                self._made_by.setdefault(id(call.y), []).append(call)


def trace(twin: nn.Module, ids: torch.Tensor) -> Trace:
    """Run `twin` once over `ids` `[1, pos]` and watch. The twin keeps the hooks: throw it away."""
    stack: list[Call] = []
    clock = iter(range(10**9))
    recorder = Trace(twin, ids, Dataflow(ids.shape[1], lambda: (next(clock), _top(stack))))
    recorder.flow.on_change = partial(_rename, recorder, stack)
    switch_attention(twin)
    counts: dict[str, int] = {}

    def enter(name: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        x = first_activation((args, kwargs))
        stack.append(Call(name, module, next(clock), args, kwargs, x, nth=counts.get(name, 0)))
        counts[name] = counts.get(name, 0) + 1

    def leave(_module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        call = stack.pop()
        call.y, call.left = first_activation(out), next(clock)
        recorder.calls.append(call)
        recorder.flow.keep((args, kwargs, out))

    for name, module in twin.named_modules():
        if name:
            module.register_forward_pre_hook(partial(enter, name), with_kwargs=True)
            module.register_forward_hook(leave, with_kwargs=True)
            module.__dict__[TAP] = partial(_tap, recorder, clock, name)
    depth = len(_get_current_dispatch_mode_stack())
    try:
        with recorder.flow:
            recorder.logits = call_model(twin, ids)
    finally:
        while len(_get_current_dispatch_mode_stack()) > depth:
            _pop_mode()
    recorder.index()
    return recorder


def first_activation(value: Any) -> torch.Tensor | None:
    """The first floating-point tensor with a shape in any nesting of containers."""
    return next((t for t in tensors_in(value) if t.is_floating_point() and t.dim() >= 2), None)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Every tensor in a nesting of tuples, lists and dicts, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(tuple(value.values()))


def _top(stack: list[Call]) -> str:
    return stack[-1].name if stack else ""


def _rename(recorder: Trace, stack: list[Call], now: torch.Tensor, old: torch.Tensor) -> None:
    """`now` is about to change in place: what went in or out as `now` went in or out as `old`."""
    for call in (*recorder.calls, *stack):
        if call.y is now:
            call.y = old
        if call.x is now:
            call.x = old


def _tap(
    recorder: Trace, clock: Iterator[int], name: str, what: str, tensor: torch.Tensor
) -> torch.Tensor:
    events = recorder.flow.attentions
    if what == "k":
        recorder.key_heads = tensor.shape[1]
    elif what == "pattern":
        while events and not events[-1].by_interface and events[-1].module == name:
            events.pop()  # the softmax inside our own function
        events.append(
            AttentionEvent(
                next(clock),
                name,
                tensor.shape[1],
                recorder.key_heads,
                by_interface=True,
                sink=bool(tensor.float().sum(-1).min() < _WHOLE_ROW),
            )
        )
    return tensor
