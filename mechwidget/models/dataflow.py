"""How tensors were made of one another: sums, scalings and views, as seen at dispatch.

While a `Dataflow` is on, every addition, scaling and reshape of an activation leaves a `Made`
record under the identity of its result, and every softmax over (query, key) an
`AttentionEvent`. Tensors are kept alive, so that identities stay unique.

In: whatever runs inside the mode. Out: `made`, `attentions`, read by the ledger walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Factor: TypeAlias = float | torch.Tensor

_SAME = {
    *("_to_copy", "_unsafe_view", "alias", "clone", "contiguous", "detach", "dropout", "expand"),
    *("native_dropout", "permute", "reshape", "slice", "squeeze", "transpose", "unsqueeze", "view"),
}
_IN_PLACE = {"add_", "sub_", "mul_", "div_"}


@dataclass(frozen=True)
class Made:
    """One way a tensor was made.

    Attributes:
        how: "sum" of two, "scale" of the first by `factor`, "same" numbers as the first, or
            "gate": an elementwise product of two activations.
        of: the tensors it was made of.
        factor: what the last of `of` was multiplied by.
    """

    how: str
    of: tuple[torch.Tensor, ...]
    factor: Factor = 1.0


@dataclass(frozen=True)
class AttentionEvent:
    """One softmax over (query, key): when, in which module, with how many heads."""

    clock: int
    module: str
    heads: int
    key_heads: int | None
    by_interface: bool
    sink: bool = False  # some of each row goes to no key at all
    queries: int = 0
    keys: int = 0


def nowhere() -> tuple[int, str]:
    """The clock and the running module when nobody watches."""
    return 0, ""


def unnoticed(_now: torch.Tensor, _old: torch.Tensor) -> None:
    """What happens before an in-place change when nobody watches."""


def unwatched(_func: Any, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> None:
    """What happens before an operation when nobody watches."""


class Dataflow(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Record how activations over certain numbers of positions are made of one another.

    None for `lengths` stands for any number: where it is not known yet.
    """

    def __init__(self, lengths: frozenset[int] | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lengths = lengths
        self.where: Callable[[], tuple[int, str]] = nowhere
        self.made: dict[int, Made] = {}
        self.attentions: list[AttentionEvent] = []
        self.on_change: Callable[[torch.Tensor, torch.Tensor], None] = unnoticed
        self.before_write: Callable[[Any, tuple[Any, ...], dict[str, Any]], None] = unwatched
        self._alive: list[Any] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        self.before_write(func, args, kwargs)
        name = func.overloadpacket.__name__
        if name in _IN_PLACE and self._is_activation(args[0]):
            return self._change(func, name, args, kwargs)
        out = func(*args, **kwargs)
        if "softmax" in name or "scaled_dot_product" in name:
            self._notice_attention(name, args)
        result = out[0] if name == "native_dropout" else out
        if self._is_activation(result):
            made = _how(name, args, kwargs, result)
            if made is not None:
                self._put(result, made)
        return out

    def _change(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An in-place operation: the value from before lives on under an identity of its own."""
        now = args[0]
        old = now.clone()
        self.on_change(now, old)
        if id(now) in self.made:
            self.made[id(old)] = self.made.pop(id(now))
        out = func(*args, **kwargs)
        made = _how(name.rstrip("_"), (old, *args[1:]), kwargs, now)
        self._alive.append(old)
        if made is not None:
            self._put(now, made)
        return out

    def keep(self, value: Any) -> None:
        """Keep `value` alive as long as this record, so that its identity stays its own."""
        self._alive.append(value)

    def _put(self, result: torch.Tensor, made: Made) -> None:
        self.made.setdefault(id(result), made)
        self._alive.append((result, made))

    def _is_activation(self, x: Any) -> bool:
        if not isinstance(x, torch.Tensor) or not x.is_floating_point():
            return False
        if self.lengths is None:
            return x.dim() in (2, 3)
        return not self.lengths.isdisjoint(x.shape) and not self.is_over_keys(x)

    def is_over_keys(self, x: torch.Tensor) -> bool:
        """Whether it is `[batch, head, query, key]`: too large to keep, and no part of a stream."""
        return x.dim() == 4 and self._are_lengths(x.shape[-2:])

    def _notice_attention(self, name: str, args: tuple[Any, ...]) -> None:
        clock, module = self.where()
        first = args[0]
        if "scaled_dot_product" in name:
            queries, keys = first.shape[-2], args[1].shape[-2]
            heads, key_heads = first.shape[1], args[1].shape[1]
        elif first.dim() in (3, 4) and self._are_lengths(first.shape[-2:]):
            (heads, queries, keys), key_heads = first.shape[-3:], None
        else:
            return
        event = AttentionEvent(clock, module, heads, key_heads, False, False, queries, keys)
        self.attentions.append(event)

    def _are_lengths(self, axes: Sequence[int]) -> bool:
        return self.lengths is None or self.lengths.issuperset(axes)


def _how(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: torch.Tensor
) -> Made | None:
    if name in ("add", "sub"):
        if isinstance(args[0], torch.Tensor) and isinstance(args[1], int) and args[1] == 0:
            return Made("same", (args[0],))  # what a model adds where it has nothing to add
        factor = float(kwargs.get("alpha", 1)) * (-1.0 if name == "sub" else 1.0)
        return _sum(args[0], args[1], factor, out)
    if name in ("mul", "div"):
        return _product(args[0], args[1], out, divided=name == "div")
    if name == "index_put_":
        return _assigned(args[2], out)
    source = args[0] if args else None
    if name not in _SAME or not isinstance(source, torch.Tensor):
        return None
    return Made("same", (source,)) if source.numel() == out.numel() else None


def _assigned(values: torch.Tensor, out: torch.Tensor) -> Made | None:
    """`out[chosen] = values`, where everything was chosen, in order."""
    whole = values.numel() == out.numel() and torch.equal(values.reshape(out.shape), out)
    return Made("same", (values,)) if whole else None


def _sum(a: Any, b: Any, factor: float, out: torch.Tensor) -> Made | None:
    if not (isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)):
        return None
    return Made("sum", (a, b), factor) if max(a.numel(), b.numel()) == out.numel() else None


def _product(a: Any, b: Any, out: torch.Tensor, *, divided: bool) -> Made | None:
    if isinstance(a, torch.Tensor) and a.numel() != out.numel() and not divided:
        a, b = b, a
    if not isinstance(a, torch.Tensor) or a.numel() != out.numel():
        return None
    if isinstance(b, torch.Tensor):
        if b.numel() == 1 and b.device.type != "meta":
            b = float(b)
        elif b.dim() == 1 and b.shape[0] == out.shape[-1] and not divided:
            return Made("scale", (a,), b)
        else:
            return Made("gate", (a, b))
    if not isinstance(b, (int, float)):
        return None
    return Made("scale", (a,), 1.0 / b if divided else float(b))
