"""One traced forward: which module was called when, with what, and what came out.

In: a source, a twin and a prompt. Out: a `Trace`: module calls in order of return, the dataflow
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
from mechwidget.models.dataflow import AttentionEvent, Dataflow, nowhere, unnoticed, unwatched
from mechwidget.models.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.utils.hooks import RemovableHandle

    from mechwidget.models.source import Source
    from mechwidget.models.tokens import Tokens

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

    tokens: Tokens
    flow: Dataflow
    calls: list[Call] = field(default_factory=list)
    logits: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    reached: Call | None = None
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


class _ReachedError(Exception):
    """Everything that was to be watched has happened: the rest of the forward need not run."""


class _Watch:
    """What the hooks of one trace share."""

    def __init__(self, found: Trace, until: str | None) -> None:
        self.found = found
        self.until = until
        self.stack: list[Call] = []  # the calls that have not returned yet
        self.clock = iter(range(10**9))
        self.counts: dict[str, int] = {}
        self.key_heads: int | None = None
        found.flow.where = self.where
        found.flow.on_change = self.rename

    def enter(self, name: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        nth = self.counts[name] = self.counts.get(name, -1) + 1
        x = first_activation((args, kwargs))
        self.stack.append(Call(name, module, next(self.clock), args, kwargs, x, nth=nth))
        if name == self.until:
            self.found.reached = self.stack[-1]
            raise _ReachedError

    def leave(self, _module: nn.Module, args: Any, kwargs: Any, out: Any) -> None:
        call = self.stack.pop()
        call.y, call.left = first_activation(out), next(self.clock)
        self.found.calls.append(call)
        flow = self.found.flow  # patterns are large, and what is not kept is not looked up
        flow.keep([t for t in tensors_in((args, kwargs, out)) if not flow.is_over_keys(t)])

    def tap(self, name: str, what: str, tensor: torch.Tensor) -> torch.Tensor:
        """Our attention function ran in module `name`: note it instead of its inner softmax."""
        events = self.found.flow.attentions
        if what == "k":
            self.key_heads = tensor.shape[1]
        elif what == "pattern":
            while events and not events[-1].by_interface and events[-1].module == name:
                events.pop()
            sink = bool(tensor.float().sum(-1).min() < _WHOLE_ROW)
            heads, clock = tensor.shape[1], next(self.clock)
            queries, keys = tensor.shape[-2:]
            event = AttentionEvent(clock, name, heads, self.key_heads, True, sink, queries, keys)
            events.append(event)
        return tensor

    def where(self) -> tuple[int, str]:
        """The clock, and the module that is running."""
        return next(self.clock), self.stack[-1].name if self.stack else ""

    def rename(self, now: torch.Tensor, old: torch.Tensor) -> None:
        """`now` is about to change in place: what went by as `now` so far went by as `old`."""
        for call in (*self.found.calls, *self.stack):
            if call.y is now:
                call.y = old
            if call.x is now:
                call.x = old


def trace(
    source: Source,
    twin: nn.Module,
    tokens: Tokens,
    lengths: frozenset[int] | None,
    until: str | None = None,
) -> Trace:
    """Run `twin` once over a prompt and watch; the twin is of no use afterwards.

    `lengths` are the numbers of positions that its stacks have; None where one is not known. The
    run ends where the module `until` is entered: that call is then `reached`, and has only begun.
    """
    found = Trace(tokens, Dataflow(lengths))
    watch = _Watch(found, until)
    found.flow.before_write = Frozen(twin).refuse_write
    switch_attention(twin)
    handles: list[RemovableHandle] = []
    for name, module in twin.named_modules():
        if name:
            enter = partial(watch.enter, name)
            handles.append(module.register_forward_pre_hook(enter, with_kwargs=True))
            handles.append(module.register_forward_hook(watch.leave, with_kwargs=True))
            module.__dict__[TAP] = partial(watch.tap, name)
    depth = len(_get_current_dispatch_mode_stack())
    try:
        with found.flow:
            found.logits = call_model(source, twin, tokens)
    except _ReachedError:
        pass
    finally:
        while len(_get_current_dispatch_mode_stack()) > depth:
            _pop_mode()
        _release(twin, found, handles)
    found.index()
    return found


def _release(twin: nn.Module, found: Trace, handles: list[RemovableHandle]) -> None:
    """Undo the cycles from calls to modules to hooks to calls, so that nothing waits for the gc."""
    found.flow.where, found.flow.on_change = nowhere, unnoticed
    found.flow.before_write = unwatched
    for module in twin.modules():
        module.__dict__.pop(TAP, None)
    for handle in handles:
        handle.remove()


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
