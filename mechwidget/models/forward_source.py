"""The default source: how to call a module is read off its forward, prompts off its tokenizer.

In: a module and its preprocessors. Out: a `Source` that holds no module: each call is given a
twin.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError, PromptError, UnsupportedModelError
from mechwidget.models.calling import call_model, logits_of
from mechwidget.models.examples import examples, signal_tokens
from mechwidget.models.facts import first_number, input_device, position_limit
from mechwidget.models.inputs import Inputs
from mechwidget.models.prompts import text_tokens
from mechwidget.models.signal import signal_of
from mechwidget.models.tokens import Tokens
from mechwidget.models.twin import make_twin
from mechwidget.models.vocabulary import Vocabulary
from mechwidget.models.ways import Way, ways_to_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import nn

    from mechwidget.models.preprocessors import Preprocessors

_START = ("decoder_start_token_id", "bos_token_id", "pad_token_id", "eos_token_id")


class ForwardSource:
    """The source of a module whose forward says by its signature what it takes."""

    def __init__(self, module: nn.Module, preprocessors: Preprocessors) -> None:
        self._preprocessors = preprocessors
        self._vocabulary = Vocabulary(preprocessors.tokenizer, 0)
        self.max_positions = position_limit(module)
        self._start = _start_of(module)
        self._way, self._example = self._working(module)

    def example(self) -> Tokens:
        """Token ids, pixels or sound that the model was seen to take."""
        return self._example

    def tokens(self, prompt: Any) -> Tokens:
        """Tokens of text, ids, pixels or sound; of `Inputs` where the model has two stacks."""
        if isinstance(prompt, Tokens):
            return self._checked(prompt)
        example = self._example
        if not self._way.encoder:
            if isinstance(prompt, Inputs):
                raise PromptError(
                    "The prompt is for two stacks, and this model has one.", "Give it bare."
                )
            return self._sequence(prompt, example)
        given = prompt if isinstance(prompt, Inputs) else Inputs(encoder=prompt)
        if given.encoder is None or example.encoder is None:
            raise PromptError("The prompt has nothing for the encoder.")
        main = (self._start,) if given.decoder is None else given.decoder
        if main == (None,):
            raise PromptError(
                "The prompt has nothing for the decoder, and the model does not say which token "
                "that starts with.",
                "Give it: mw.Inputs(encoder=…, decoder=…).",
            )
        encoder = self._sequence(given.encoder, example.encoder)
        return replace(self._sequence(main, example), encoder=encoder)

    def call(self, twin: nn.Module, tokens: Tokens, rows: int) -> torch.Tensor:
        """Logits of one forward pass."""
        return logits_of(self.output(twin, tokens, rows))

    def output(self, twin: nn.Module, tokens: Tokens, rows: int, **options: Any) -> Any:
        """Whatever the forward returns, called with more options than usual."""
        way, main = self._way, _batch(twin, tokens, rows)
        named = {**way.options, **options}
        if tokens.encoder is not None:
            named[way.encoder] = _batch(twin, tokens.encoder, rows)
        return twin(**{way.main: main}, **named) if way.main else twin(main, **named)

    def _working(self, module: nn.Module) -> tuple[Way, Tokens]:
        """The first way to call the module, with an example, that its forward takes.

        Where there is one way only, it is not tried: the trace will say what is wrong with it.
        """
        first = ways_to_call(module)
        if len(first) == 1 and not first[0].encoder and not first[0].main_is_signal:
            return first[0], next(examples(module, first[0]))
        failed: Exception | None = None
        for way, tokens in _tries(module):
            self._way = way
            try:
                call_model(self, make_twin(module), tokens)
            except Exception as error:  # noqa: BLE001 - a forward refuses a shape in any way
                failed = failed or error
            else:
                return way, tokens
        if isinstance(failed, MechwidgetError):
            raise failed
        raise _untaken(module, failed) from failed

    def _sequence(self, prompt: Any, example: Tokens) -> Tokens:
        """What one stack reads: a signal where its example is one."""
        if example.signal is None:
            return text_tokens(prompt, self._vocabulary)
        if isinstance(prompt, str):
            raise PromptError(
                "The prompt is text, and this model reads a tensor of shape "
                f"{tuple(example.signal.tensor.shape)}.",
                "Give it that: pixels, a waveform or features, as its preprocessor makes them.",
            )
        made = self._preprocessors.signal(prompt)
        return signal_tokens(signal_of(made, example.signal))

    def _checked(self, tokens: Tokens) -> Tokens:
        pairs = ((tokens, self._example), (tokens.encoder, self._example.encoder))
        if any(_unlike(given, wanted) for given, wanted in pairs):
            raise PromptError("The tokens are those of another kind of model.")
        return tokens


def _unlike(given: Tokens | None, wanted: Tokens | None) -> bool:
    if given is None or wanted is None:
        return given is not wanted
    return (given.signal is None) != (wanted.signal is None)


def _batch(twin: nn.Module, tokens: Tokens, rows: int) -> torch.Tensor:
    """What goes in: a copy per row, where the model takes it and in its precision."""
    one = tokens.tensor(input_device(twin))
    if one.is_floating_point():
        floats = (p.dtype for p in twin.parameters() if p.is_floating_point())
        one = one.to(next(floats, one.dtype))
    return one.repeat(rows, *[1] * (one.dim() - 1))


def _start_of(module: nn.Module) -> int | None:
    """The token that a decoder starts with."""
    generation: Any = getattr(module, "generation_config", None)
    config: Any = getattr(module, "config", None)
    said = first_number([generation], _START[:1])
    return first_number([config], _START) if said is None else said


def _tries(module: nn.Module) -> Iterator[tuple[Way, Tokens]]:
    for way in ways_to_call(module):
        for tokens in examples(module, way):
            yield way, tokens


def _untaken(module: nn.Module, failed: Exception | None) -> UnsupportedModelError:
    ways = dict.fromkeys(way.encoder or way.main or "ids" for way in ways_to_call(module))
    why = "" if failed is None else f", the first time with {type(failed).__name__}: {failed}"
    return UnsupportedModelError(
        f"{type(module).__name__} could not be called: its forward takes {' or '.join(ways)}, and "
        f"failed on every example{why}.",
        "A module that is called in another way is described by a Source.",
    )
