"""The one place where a model's forward is called.

In: a twin and token ids `[batch, pos]`. Out: logits `[batch, pos, vocab]`, whatever shape the
model wraps them in. Gradients are off for the duration, in this thread only, and the thread's
modes are put back however the call ends.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.modes import finish_interrupted, modes, put_back

_SET_GRAD = torch._C._set_grad_enabled  # noqa: SLF001


def call_model(twin: nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Logits of one forward pass of `twin`."""
    parameters = inspect.signature(twin.forward).parameters
    options: dict[str, Any] = {}
    if "use_cache" in parameters:
        options["use_cache"] = False
    if "return_dict" in parameters:
        options["return_dict"] = True
    arguments = {"input_ids": ids} if _names_input_ids(parameters) else {}
    positional = () if arguments else (ids,)
    return logits_of(quietly(twin, positional, {**arguments, **options}))


def quietly(twin: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Call `twin` without gradients and leave this thread's modes as they were.

    CPython delivers asynchronous exceptions after calls and at function entries, so what restores
    must be single C calls at the head of a `finally`: the `__exit__` of a context manager could
    be interrupted before it has done anything.
    """
    grad, before = torch.is_grad_enabled(), modes()
    try:
        _SET_GRAD(False)
        return twin(*positional, **named)
    except BaseException as error:
        finish_interrupted(error, before)
        raise
    finally:
        try:
            put_back(before)
        finally:
            _SET_GRAD(grad)


def logits_of(output: Any) -> torch.Tensor:
    """The logits in what a model returned: a tensor, an output object, a dict or a tuple."""
    logits = getattr(output, "logits", None)
    if logits is None and isinstance(output, Mapping):
        logits = output.get("logits")
    if logits is None and isinstance(output, (tuple, list)) and output:
        logits = output[0]
    if logits is None and isinstance(output, torch.Tensor):
        logits = output
    if isinstance(logits, torch.Tensor) and logits.dim() == 3 and logits.is_floating_point():
        return logits
    found = "no logits" if logits is None else f"logits of shape {tuple(logits.shape)}"
    raise UnsupportedModelError(
        f"The model's forward gave {found} ({type(output).__name__}); expected logits of shape "
        "[batch, position, vocabulary].",
        "Load it with its language-model head, e.g. AutoModelForCausalLM.",
    )


def _names_input_ids(parameters: Mapping[str, inspect.Parameter]) -> bool:
    """Whether ids go in by name: by theirs, or because there is no place for them by position."""
    by_position = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    kinds = {parameter.kind for parameter in parameters.values()}
    return "input_ids" in parameters or not kinds & by_position
