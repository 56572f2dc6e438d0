"""How many positions a signal takes in the stack that reads it, and what they are called.

Nobody can tell from an image how many patches a model makes of it. A forward that is stopped at the
first block of each stack can; once per shape.

In: a model and tokens with a signal. Out: tokens with a text per position.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mechwidget.errors import PromptError
from mechwidget.models.calling import call_model
from mechwidget.models.hooks import submodule
from mechwidget.models.locks import lock_of
from mechwidget.models.trace import first_activation
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from torch import nn

    from mechwidget.models.ledger import Ledger, Stack
    from mechwidget.models.signal import Signal
    from mechwidget.models.source import Source
    from mechwidget.models.tokens import Tokens

Shape = tuple[int, ...]
_MOST_BESIDE = 16  # class tokens and registers


class Positions:
    """The positions of the signals of one model, by shape."""

    def __init__(self, model: nn.Module, source: Source, ledger: Ledger) -> None:
        self._model, self._source, self._ledger = model, source, ledger
        self._lock = lock_of(model)
        self._known: dict[tuple[Shape, Shape], dict[str, int]] = {}

    def named(self, tokens: Tokens) -> Tokens:
        """`tokens`, with a text for each position of every signal."""
        if not any(_is_bare(part) for part in (tokens, tokens.encoder)):
            return tokens
        key = (_shape(tokens), _shape(tokens.encoder))
        if key not in self._known:
            self._known[key] = self._measured(tokens)
        counts = self._known[key]
        for stack in self._ledger.stacks:
            part = tokens if stack.main else tokens.encoder
            if part is None or not _is_bare(part) or part.signal is None:
                continue
            texts = position_texts(part.signal, counts[stack.name])
            part = replace(part, texts=texts, special=tuple(t == "class" for t in texts))
            tokens = replace(part, encoder=tokens.encoder) if stack.main else _with(tokens, part)
        return tokens

    def _measured(self, tokens: Tokens) -> dict[str, int]:
        """The number of positions of each stack."""
        twin = make_twin(self._model)
        counts: dict[str, int] = {}

        def note(stack: Stack) -> Any:
            def look(_module: nn.Module, args: Any, kwargs: Any) -> None:
                x = first_activation((args, kwargs))
                if x is not None:
                    counts.setdefault(stack.name, x.shape[1])
                if len(counts) == len(self._ledger.stacks):
                    raise _EnoughError

            return look

        for stack in self._ledger.stacks:
            first = submodule(twin, self._ledger.blocks[stack.first].place.module)
            first.register_forward_pre_hook(note(stack), with_kwargs=True)
        try:
            with self._lock:
                call_model(self._source, twin, tokens)
        except _EnoughError:
            pass
        except (TypeError, ValueError, RuntimeError, LookupError) as error:
            raise PromptError(
                f"The model does not take this prompt: {type(error).__name__}: {error}",
                f"It takes, for example, the shape {_shape(self._source.example())}.",
            ) from error
        return counts


def position_texts(signal: Signal, n: int) -> tuple[str, ...]:
    """What the positions of a signal are called: patches row by row, or frames."""
    if signal.kind == "image":
        height, width = signal.tensor.shape[-2:]
        for beside in range(min(_MOST_BESIDE, n)):
            columns = round(((n - beside) * width / height) ** 0.5)
            rows = (n - beside) // max(columns, 1)
            if columns and rows * columns == n - beside and rows * width == columns * height:
                names = ["class"] if beside == 1 else [f"extra {i}" for i in range(beside)]
                return (*names, *(f"patch {r},{c}" for r in range(rows) for c in range(columns)))
    word = "frame" if signal.kind == "sound" else "patch"
    return tuple(f"{word} {i}" for i in range(n))


class _EnoughError(Exception):
    """Everything is known: the rest of the forward need not run."""


def _is_bare(part: Tokens | None) -> bool:
    return part is not None and part.signal is not None and not part.texts


def _shape(part: Tokens | None) -> Shape:
    if part is None:
        return ()
    return (len(part.ids),) if part.signal is None else tuple(part.signal.tensor.shape)


def _with(tokens: Tokens, encoder: Tokens) -> Tokens:
    return replace(tokens, encoder=encoder)
