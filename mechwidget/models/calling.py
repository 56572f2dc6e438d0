"""The one place where a model's forward is called.

In: a source, a twin and tokens. Out: logits `[batch, pos, vocab]`; a model that gives one answer
per prompt has one position. Gradients are off for the duration unless they are wanted, in this
thread only, and the thread's modes are put back however the call ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from torch import nn

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.modes import finish_interrupted, modes, put_back

if TYPE_CHECKING:
    from mechwidget.models.tokens import Tokens

_SET_GRAD = torch._C._set_grad_enabled  # noqa: SLF001
_INFERENCE = torch._C._InferenceMode  # noqa: SLF001
_ANSWERS = ("logits", "prediction_logits", "logits_per_image", "last_hidden_state")
Result = TypeVar("Result")


class Callee(Protocol):
    """Whatever knows how to call a model: a `Source`, or something that calls it on a part."""

    def call(self, twin: nn.Module, tokens: Tokens, rows: int, /) -> torch.Tensor:
        """Logits `[rows, pos, vocab]`, or `[rows, label]`."""
        ...


def call_model(
    source: Callee, twin: nn.Module, tokens: Tokens, rows: int = 1, *, gradients: bool = False
) -> torch.Tensor:
    """Logits `[rows, pos, vocab]` of one forward pass of `twin`."""
    logits = quietly(lambda: source.call(twin, tokens, rows), gradients=gradients)
    return logits[:, None] if logits.dim() == 2 else logits


def quietly(work: Callable[[], Result], *, gradients: bool = False) -> Result:
    """What `work` gives, with gradients or without; this thread's modes are left as they were.

    CPython delivers asynchronous exceptions after calls and at function entries, so what restores
    must be single C calls at the head of a `finally`: the `__exit__` of a context manager could
    be interrupted before it has done anything.
    """
    grad, before = torch.is_grad_enabled(), modes()
    try:
        _SET_GRAD(gradients)
        return work()
    except BaseException as error:
        finish_interrupted(error, before)
        raise
    finally:
        try:
            put_back(before)
        finally:
            _SET_GRAD(grad)


def with_gradients(work: Callable[[], Result]) -> Result:
    """What `work` gives while tensors are taped, whatever the caller has switched off."""
    grad = torch.is_grad_enabled()
    with _INFERENCE(False):  # in C, as everything that restores
        try:
            _SET_GRAD(True)
            return work()
        finally:
            _SET_GRAD(grad)


def logits_of(output: Any) -> torch.Tensor:
    """The logits in what a model returned: a tensor, an output object, a dict or a tuple.

    `[batch, pos, vocab]`, or `[batch, label]`. A model without a head has no logits: what it
    returns last, its hidden state `[batch, pos, d]`, takes their place. One that compares images
    with texts gives how alike the first image and the first text of each row are, `[batch, 1]`.
    """
    named = _named(output)
    given = [named[name] for name in _ANSWERS if named.get(name) is not None]
    logits: Any = given[0] if given else None
    if logits is None and isinstance(output, (tuple, list)) and output:
        logits = output[0]
    if logits is None and isinstance(output, torch.Tensor):
        logits = output
    alike = named.get("logits_per_image")
    if isinstance(alike, torch.Tensor) and logits is alike:
        logits = alike.diagonal()[:, None]  # row i's image with row i's text
    if isinstance(logits, torch.Tensor) and logits.dim() in (2, 3) and logits.is_floating_point():
        return logits
    found = "no logits" if logits is None else f"logits of shape {tuple(logits.shape)}"
    raise UnsupportedModelError(
        f"The model's forward gave {found} ({type(output).__name__}); expected logits of shape "
        "[batch, position, vocabulary] or [batch, label].",
        "Load it with a head of that kind, e.g. AutoModelForCausalLM.",
    )


def _named(output: Any) -> Mapping[str, Any]:
    if isinstance(output, Mapping):
        return output
    return {name: getattr(output, name, None) for name in _ANSWERS}
