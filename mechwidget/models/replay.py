"""Replay: block calls that return what they returned in the baseline.

The model's own forward runs as ever (embedding, masks, rotary tables, final norm, unembedding), but
the calls of its first blocks are answered from memory, and what those blocks put into mappings and
lists that they were handed (keys and values shared between layers, say) is put there again.
Nothing about an architecture has to be known; whether it worked is proved by `baselines`.

In: a twin. Out: while recording, a `Record` per block call; while replaying, those calls skipped.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence, Sequence
from dataclasses import dataclass
from types import MethodType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from mechwidget.models.hooks import submodule
from mechwidget.models.versions import version_of

if TYPE_CHECKING:
    from mechwidget.models.ledger import Ledger

Copy = Callable[[torch.Tensor], torch.Tensor]


class Splice(Protocol):
    """Something that is put onto the blocks of one twin for one run."""

    def onto(self, twin: nn.Module, ledger: Ledger) -> None:
        """Put it there."""
        ...


@dataclass(frozen=True, slots=True)
class Splices:
    """Several, put on in this order: the last one is asked first."""

    parts: Sequence[Splice]

    def onto(self, twin: nn.Module, ledger: Ledger) -> None:
        """Put them all there."""
        for part in self.parts:
            part.onto(twin, ledger)


@dataclass(frozen=True, slots=True)
class Record:
    """What one block call did.

    Attributes:
        returned: what it returned, its tensors as they were then.
        left: per container among its arguments that it changed (by order of appearance), the
            entries that are new in a mapping, or all items of a list.
    """

    returned: Any
    left: tuple[tuple[int, Any], ...]


class Recorder:
    """Records every block call of one run.

    Copies what blocks return, unless it is known that nobody writes to it afterwards; `written`
    says whether somebody did, and then records without copies are good for nothing.
    """

    def __init__(self, *, copies: bool = True) -> None:
        self.records: dict[int, Record] = {}
        self.written = False
        self._copies = copies
        self._seen: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]] = {}

    def onto(self, twin: nn.Module, ledger: Ledger) -> None:
        """Wrap the forward of each block."""
        wrap_blocks(twin, ledger, self._call)

    def take(self) -> tuple[Record, ...]:
        """The records in the order of the layers; none where they were written to."""
        self.written = any(version_of(real) != then for (_, then), (real, _) in self._seen.items())
        self._seen.clear()
        if self.written and not self._copies:
            self.records.clear()
        return tuple(self.records[layer] for layer in sorted(self.records))

    def _call(self, layer: int, real: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        before = [_shallow(container) for container in _containers((args, kwargs))]
        result = real(*args, **kwargs)
        left = tuple(
            (index, rebuilt(change, self._copied))
            for index, (then, now) in enumerate(
                zip(before, _containers((args, kwargs)), strict=False)
            )
            if (change := _change(then, now)) is not None
        )
        self.records[layer] = Record(rebuilt(result, self._copied), left)
        return result

    def _copied(self, tensor: torch.Tensor) -> torch.Tensor:
        """What to keep; one that blocks hand on unchanged is kept once."""
        key = (id(tensor), version_of(tensor))
        if key not in self._seen:
            kept = tensor.detach()
            copied = self._copies or tensor.is_inference()
            self._seen[key] = (tensor, kept.clone() if copied else kept)
        return self._seen[key][1]


class Replayer:
    """Answers the block calls before layer `start` from records, for `rows` rows.

    The positions before `first` are left out, for a model that is called on the others alone.
    """

    def __init__(
        self, records: Sequence[Record], start: int, rows: int = 1, first: int = 0
    ) -> None:
        self._records = records
        self._start = start
        self._rows = rows
        self._first = first

    def onto(self, twin: nn.Module, ledger: Ledger) -> None:
        """Take the place of each block's forward."""
        wrap_blocks(twin, ledger, self._call)

    def _call(self, layer: int, real: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if layer >= self._start:
            return real(*args, **kwargs)
        record = self._records[layer]
        containers = list(_containers((args, kwargs))) if record.left else []
        for index, change in record.left:
            _refill(containers[index], rebuilt(change, self._fresh))
        last = layer == self._start - 1
        return rebuilt(record.returned, self._fresh if last else self._seen)

    def _fresh(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy that may be written to: what was remembered stays what it was."""
        if self._first and tensor.dim() >= 3:
            tensor = tensor[:, self._first :]
        if self._rows == 1 or not _has_rows(tensor):
            return tensor.clone()
        return tensor.repeat(self._rows, *[1] * (tensor.dim() - 1))

    def _seen(self, tensor: torch.Tensor) -> torch.Tensor:
        """For blocks that are skipped themselves, which look at nothing but its shape."""
        if self._rows == 1 or not _has_rows(tensor):
            return self._fresh(tensor)
        return tensor.expand(self._rows, *tensor.shape[1:])


def rebuilt(value: Any, of: Copy) -> Any:
    """`value` with each tensor in its containers replaced by `of` it."""
    if isinstance(value, torch.Tensor):
        return of(value)
    if isinstance(value, (tuple, list)):
        items = [rebuilt(item, of) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, MutableMapping):
        made = copy.copy(value)
        for key, item in value.items():
            made[key] = rebuilt(item, of)
        return made
    return value


def tensors_of(records: Sequence[Record]) -> dict[int, torch.Tensor]:
    """Every tensor that records hold, by identity."""
    found: dict[int, torch.Tensor] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        found[id(tensor)] = tensor
        return tensor

    for record in records:
        rebuilt(record.returned, note)
        rebuilt([change for _, change in record.left], note)
    return found


def wrap_blocks(
    twin: nn.Module,
    ledger: Ledger,
    call: Callable[[int, Callable[..., Any], Any, Any], Any],
) -> None:
    """Have `call` answer for each call of a block that the ledger knows; calls are counted."""
    layers: dict[str, dict[int, int]] = {}
    for layer, block in enumerate(ledger.blocks):
        layers.setdefault(block.place.module, {})[block.place.nth] = layer
    for name, by_call in layers.items():
        module = submodule(twin, name)
        module.__dict__["forward"] = _counted(unbound(module), by_call, call)


def unbound(module: nn.Module) -> Callable[..., Any]:
    """A module's forward that does not keep the module alive: twins must not wait for the gc."""
    forward = module.forward
    if not isinstance(forward, MethodType) or forward.__self__ is not module:
        return forward
    function, reference = forward.__func__, weakref.ref(module)
    return lambda *args, **kwargs: function(reference(), *args, **kwargs)


def _counted(
    real: Callable[..., Any],
    layers: dict[int, int],
    call: Callable[[int, Callable[..., Any], Any, Any], Any],
) -> Callable[..., Any]:
    calls = -1

    def forward(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        layer = layers.get(calls)
        return real(*args, **kwargs) if layer is None else call(layer, real, args, kwargs)

    return forward


def _containers(value: Any) -> Iterator[Any]:
    """The mappings and lists among the arguments of a block, outermost first."""
    args, kwargs = value
    for item in (*args, *kwargs.values()):
        if isinstance(item, (MutableMapping, MutableSequence)):
            yield item


def _shallow(container: Any) -> Any:
    return dict(container) if isinstance(container, MutableMapping) else list(container)


def _change(then: Any, now: Any) -> Any:
    """What to put into a container that held `then` so that it holds what it holds `now`."""
    if isinstance(now, MutableMapping):
        new = {key: item for key, item in now.items() if then.get(key) is not item}
        return new or None
    same = len(then) == len(now) and all(a is b for a, b in zip(then, now, strict=True))
    return None if same else list(now)


def _refill(container: Any, change: Any) -> None:
    if isinstance(container, MutableMapping):
        container.update(change)
    else:
        container[:] = change


def _has_rows(tensor: torch.Tensor) -> bool:
    return tensor.dim() > 0 and tensor.shape[0] == 1
