"""What running a stack says about it: whether it looks ahead, and whether it is all there is.

In: a model, its source, a prompt and the calls of a stack's blocks. Out: facts, or an
`UnsupportedModelError`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.calling import call_model
from mechwidget.models.carrier import activation_in, with_activation
from mechwidget.models.coupling import NOISE
from mechwidget.models.facts import input_device
from mechwidget.models.signal import Signal
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from mechwidget.models.ledger import Attends
    from mechwidget.models.source import Source
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.trace import Call

_TOLERANCE = 1e-3
_THROWS = 8  # where random numbers are drawn, how often they get to make a difference
_SUPPORTED = "mechwidget reads transformers: blocks that pass one stream of vectors on."


@dataclass(frozen=True, eq=False)
class Stream:
    """The calls of one stack's blocks, and whether the answers are at its positions."""

    calls: list[Call]
    main: bool

    @property
    def length(self) -> int:
        """Its number of positions."""
        x = self.calls[0].x
        return 0 if x is None else x.shape[1]

    @property
    def width(self) -> int:
        """The length of its vectors."""
        x = self.calls[0].x
        return 0 if x is None else x.shape[-1]


def attends(
    model: nn.Module, source: Source, tokens: Tokens, stream: Stream, *, coupled: bool = False
) -> Attends:
    """Whether what comes in at the last position changes what goes out at earlier ones.

    Where positions are `coupled` by quantisation, earlier ones always move, but by little.
    """
    before = _out(model, source, tokens, stream, lambda x: x)
    after = _out(model, source, tokens, stream, _with_another_last)
    rounding = 1e-5 if before.dtype == torch.float32 else 0.02  # experts batch tokens together
    moved = (after - before)[:, :-1].abs()
    both = moved.numel() > 0 and bool(moved.max() > rounding * before.abs().max())
    if both and coupled:
        both = bool(moved.mean() > NOISE * (after - before)[:, -1].abs().mean())
    return "both ways" if both else "backwards"


def refuse_chance(model: nn.Module, source: Source, tokens: Tokens) -> None:
    """Refuse a forward that draws random numbers: no two of its runs could be compared."""
    before = _dice(model)
    first = call_model(source, make_twin(model), tokens)
    if torch.equal(before, _dice(model)):
        return
    others = (call_model(source, make_twin(model), tokens) for _ in range(_THROWS))
    room = _TOLERANCE * (first.abs().max() + 1e-6)
    if any(other.shape != first.shape or (first - other).abs().max() > room for other in others):
        raise UnsupportedModelError(
            f"{type(model).__name__} gave two different answers to the same prompt: its forward "
            "draws random numbers, so that no two runs can be compared.",
            "If that can be switched off, switch it off and wrap it again.",
        )


def _dice(model: nn.Module) -> torch.Tensor:
    """The state of the random numbers where the model runs."""
    device = input_device(model)
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def refuse_side_streams(model: nn.Module, source: Source, tokens: Tokens, stream: Stream) -> None:
    """Refuse blocks that are not all there is: without the last one's output, nothing is known.

    When that output is zero, the logits of all positions must be the same; where there is one
    answer, or the stack is another one, it must be the same for another prompt.
    """
    logits = _silenced(model, source, tokens, stream.calls[-1])
    if stream.main and logits.shape[1] == stream.length:
        other = logits[:, :1]
    else:
        other = _silenced(model, source, _mirrored(tokens, stream), stream.calls[-1])
    if (logits - other).abs().max() > _TOLERANCE * (logits.abs().max() + 1e-6):
        raise UnsupportedModelError(
            f"{type(model).__name__} has no single residual stream: the longest chain of blocks "
            f"that was found ends in {stream.calls[-1].name!r}, and the logits still depend on "
            f"the {'tokens' if tokens.signal is None else 'input'} when its output is zero.",
            f"{_SUPPORTED} A layer that is added to the stream in the model's own forward has to "
            "become a module that returns the sum.",
        )


def _silenced(model: nn.Module, source: Source, tokens: Tokens, last: Call) -> torch.Tensor:
    """The logits when the call `last` returns zeros."""
    twin, calls = make_twin(model), iter(range(10**9))

    def silence(_module: nn.Module, _args: object, result: object) -> object:
        y = activation_in(result)
        if y is None or next(calls) != last.nth:
            return None
        return with_activation(result, y, torch.zeros_like(y))

    twin.get_submodule(last.name).register_forward_hook(silence)
    return call_model(source, twin, tokens)


def _out(
    model: nn.Module,
    source: Source,
    tokens: Tokens,
    stream: Stream,
    change: Callable[[torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """What the last block returns when what enters the first is changed."""
    first, last = stream.calls[0], stream.calls[-1]
    twin, entered, left = make_twin(model), iter(range(10**9)), iter(range(10**9))
    found: list[torch.Tensor] = []

    def enter(_module: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any] | None:
        x = activation_in((args, kwargs))
        if x is None or next(entered) != first.nth:
            return None
        changed: tuple[Any, Any] = with_activation((args, kwargs), x, change(x))
        return changed

    def leave(_module: nn.Module, _args: object, result: object) -> None:
        y = activation_in(result)
        if y is not None and next(left) == last.nth:
            found.append(y.detach().clone())

    twin.get_submodule(first.name).register_forward_pre_hook(enter, with_kwargs=True)
    twin.get_submodule(last.name).register_forward_hook(leave)
    call_model(source, twin, tokens)
    return found[0]


def _with_another_last(stream: torch.Tensor) -> torch.Tensor:
    other = stream.clone()
    other[:, -1] = -stream[:, -1].flip(-1)
    return other


def _mirrored(tokens: Tokens, stream: Stream) -> Tokens:
    """Another prompt of the same shape for one stack."""
    part = tokens if stream.main else tokens.encoder
    if part is None:
        return tokens
    if part.signal is None:
        part = replace(part, ids=part.ids[::-1])
    else:
        part = replace(part, signal=Signal(part.signal.kind, -part.signal.tensor.flip(-1)))
    return part if stream.main else replace(tokens, encoder=part)
