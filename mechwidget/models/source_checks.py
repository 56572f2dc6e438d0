"""Whether a `Source` that somebody wrote does what a source must, said before anything is traced.

In: a source and a module. Out: nothing, or an `UnsupportedModelError` that names the member that
is missing or what it gave instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import MechwidgetError, UnsupportedModelError
from mechwidget.models.calling import call_model
from mechwidget.models.tokens import Tokens
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from torch import nn

_MEMBERS = ("max_positions", "example", "tokens", "call")
_ROWS = 2
_HINT = "See mechwidget.Source for what each member is; mechwidget.TextSource writes them for you."


def check_source(source: Any, module: nn.Module) -> None:
    """Raise unless `source` gives an example and calls `module` on several rows of it."""
    name = type(source).__name__
    if isinstance(source, type):
        raise UnsupportedModelError(
            f"source is the class {source.__name__}; expected one of its instances.",
            f"Write source={source.__name__}().",
        )
    missing = [member for member in _MEMBERS if not hasattr(source, member)]
    if missing:
        raise UnsupportedModelError(f"{name} is no source: it lacks {', '.join(missing)}.", _HINT)
    example = source.example()
    if not isinstance(example, Tokens):
        raise UnsupportedModelError(
            f"{name}.example() gave {type(example).__name__}; expected mechwidget.Tokens.", _HINT
        )
    answering: Any = _Answering(source)
    twin, called = make_twin(module), []
    for part in twin.modules():
        part.register_forward_pre_hook(lambda *_: called.append(1))
    try:
        call_model(answering, twin, example, _ROWS)
    except MechwidgetError:
        raise
    except Exception as error:
        raise UnsupportedModelError(
            f"{name}.call() failed on {_ROWS} rows of {len(example)} tokens with "
            f"{type(error).__name__}: {error}",
            _HINT,
        ) from error
    if not called:
        raise UnsupportedModelError(
            f"{name}.call() called nothing of the module that it was given; expected it to call "
            "that one, a copy that shares the model's weights, rather than the model itself.",
            "Write e.g. call=lambda module, ids: module(ids).",
        )
    logits = answering.answer
    if (
        not isinstance(logits, torch.Tensor)
        or logits.dim() not in (2, 3)
        or logits.shape[0] != _ROWS
    ):
        found = list(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise UnsupportedModelError(
            f"{name}.call() gave {found} for {_ROWS} rows of {len(example)} tokens; expected "
            "logits of shape [rows, position, vocabulary].",
            _HINT,
        )


class _Answering:
    """Keeps what a source's call gave, whatever it is."""

    def __init__(self, source: Any) -> None:
        self.source, self.answer = source, None

    def call(self, twin: nn.Module, tokens: Tokens, rows: int) -> torch.Tensor:
        self.answer = self.source.call(twin, tokens, rows)
        return torch.empty(rows, 1, 1, device="cpu")
