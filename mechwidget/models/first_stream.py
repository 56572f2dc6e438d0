"""How the first residual comes about: the terms that are added up before the first block.

One traced forward, stopped where the first block of the main stack begins, walked back from what
that block is given: sums are taken apart, scalings counted, and one norm or linear map that all of
it goes through is a step after the sum.

In: a model and tokens. Out: `Term`s, what they sum to, and the steps from there to the stream.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.hooks import hook_cancel
from mechwidget.models.leaves import is_linear, is_norm, is_nothing
from mechwidget.models.trace import Call, trace
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from mechwidget.models.dataflow import Factor
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.trace import Trace


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One thing that is added to the stream before the first block.

    Attributes:
        module: the module that made it, or the parameter that it is; "" where neither can be told.
        factor: what it was multiplied by on its way; nan where that is a vector.
        vectors: `[pos, d]`, as they are added: scaled.
        learned: whether it was read off parameters; else it was computed, or is a fixed table.
    """

    module: str
    factor: float
    vectors: torch.Tensor
    learned: bool


@dataclass(frozen=True, slots=True, eq=False)
class FirstStream:
    """The first residual and how it was made.

    Attributes:
        terms: what is added up, in the order in which it is written in the model.
        total: `[pos, d]`, their sum as the model has it.
        steps: what happens to the sum then, e.g. "norm embeddings.LayerNorm"; mostly nothing.
        resid_pre: `[pos, d_model]`, what the first block is given.
    """

    terms: tuple[Term, ...]
    total: torch.Tensor
    steps: tuple[str, ...]
    resid_pre: torch.Tensor


def first_stream(
    model: HookedModel, tokens: Tokens, cancelled: Callable[[], bool] | None = None
) -> FirstStream:
    """The terms of the first residual of the main stack.

    Raises:
        UnsupportedModelError: the prompt is no token ids, or the first block is given no stream.
        CancelledError: `cancelled()` became true.
    """
    if not tokens.ids:
        raise UnsupportedModelError(
            f"{model.name} reads a signal: no token embedding makes its first residual."
        )
    main = next(stack for stack in model.stacks if stack.main)
    block = model.ledger.blocks[main.first].place.module
    twin = make_twin(model.model)
    if cancelled is not None:
        hook_cancel(twin, model.ledger, cancelled)
    lengths = frozenset(
        len(part) for part in (tokens, tokens.encoder) if part is not None and len(part)
    )
    seen = trace(model.source, twin, tokens, lengths, until=block)
    call = seen.reached
    stream = None if call is None else call.x
    if call is None or stream is None or stream.shape[:2] != (1, len(tokens)):
        raise UnsupportedModelError(
            f"What the first block of {model.name} is given is not a vector for each of "
            f"{len(tokens)} tokens."
        )
    return _Walk(seen, twin).stream(stream)


@dataclass(eq=False)
class _Walk:
    """The way back from a tensor to what it was made of."""

    seen: Trace
    twin: nn.Module
    terms: list[Term] = field(default_factory=list)

    def stream(self, stream: torch.Tensor) -> FirstStream:
        """All of it."""
        total, steps = stream, list[str]()
        while (after := self._step(total)) is not None:
            call, word = after
            steps.insert(0, f"{word} {call.name}")
            total = call.x if call.x is not None else total
        self._expand(total, 1.0, "")
        return FirstStream(tuple(self.terms), total[0].detach(), tuple(steps), stream[0].detach())

    def _step(self, tensor: torch.Tensor) -> tuple[Call, str] | None:
        """The norm or linear map that made a tensor of the stream, where that was one."""
        while True:
            call = self._maker(tensor)
            if call is not None and call.x is not None and call.x.shape[:2] == tensor.shape[:2]:
                word = "norm" if is_norm(call.module) else "linear map"
                if is_norm(call.module) or is_linear(call.module):
                    return call, word
            made = self.seen.flow.made.get(id(tensor))
            if made is None or made.how != "same":
                return None
            tensor = made.of[0]

    def _expand(self, tensor: torch.Tensor, factor: Factor, inside: str) -> None:
        call = self._maker(tensor)
        name = call.name if call is not None else inside
        made = self.seen.flow.made.get(id(tensor))
        if made is None or made.how == "gate" or (call is not None and call.x is not None):
            self._term(tensor, factor, name)
        elif made.how == "sum":
            first, second = made.of
            self._expand(first, factor, name)
            self._expand(second, _times(factor, made.factor), name)
        else:
            scale = made.factor if made.how == "scale" else 1.0
            self._expand(made.of[0], _times(factor, scale), name)

    def _term(self, tensor: torch.Tensor, factor: Factor, name: str) -> None:
        n = self.seen.tokens.ids
        owner, learned = self._owner(tensor, name)
        vectors = (tensor.detach() * factor).reshape(-1, tensor.shape[-1])
        vectors = vectors.expand(len(n), -1) if vectors.shape[0] == 1 else vectors
        number = float("nan") if isinstance(factor, torch.Tensor) else factor
        self.terms.append(Term(owner, number, vectors, learned))

    def _owner(self, tensor: torch.Tensor, name: str) -> tuple[str, bool]:
        """The module or parameter behind a term, and whether it was learned."""
        storage = tensor.untyped_storage().data_ptr()
        for own, parameter in self.twin.named_parameters():
            if parameter.untyped_storage().data_ptr() == storage:
                return name or own, True
        if not name:
            return "", False
        module = self.twin.get_submodule(name)
        return name, next(module.parameters(), None) is not None

    def _maker(self, tensor: torch.Tensor) -> Call | None:
        """The innermost call that returned a tensor, idle ones left out."""
        made = [call for call in self.seen.calls if call.y is tensor and not is_nothing(call)]
        return made[0] if made else None


def _times(a: Factor, b: Factor) -> Factor:
    return b if isinstance(a, float) and a == 1.0 else a * b
