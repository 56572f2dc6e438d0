"""What a forward takes: which argument is the prompt, and whether there is a second one.

Read off its signature and the config's main input, once per model.

In: a module. Out: `Way`s in which it may be called, most likely first.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

IDS = ("input_ids", "decoder_input_ids")
_SIGNALS = ("pixel_values", "pixel_values_videos", "input_features", "input_values", "audio_values")
_OPTIONS = {"use_cache": False, "return_dict": True}
_BY_POSITION = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to call a forward.

    Attributes:
        main: the argument whose positions the logits have; "" is the first one by position.
        encoder: the argument that the other stack reads, if there is one.
        options: what is passed besides: no cache, an output object.
    """

    main: str
    encoder: str
    options: Mapping[str, Any]

    @property
    def main_is_signal(self) -> bool:
        """Whether the main argument is pixels or sound rather than ids."""
        return self.main not in ("", *IDS)


def ways_to_call(module: nn.Module) -> tuple[Way, ...]:
    """How `module` may be called, most likely first."""
    parameters = _parameters(module)
    options = {name: value for name, value in _OPTIONS.items() if name in parameters}
    return tuple(Way(main, other, options) for main, other in _ways(module, parameters))


def _parameters(module: nn.Module) -> Mapping[str, inspect.Parameter]:
    """What a forward takes; of a PEFT wrapper, which hands keywords on, what the model takes too.

    It would make a cache in every run otherwise, as its model does unless it is told not to.
    """
    own = inspect.signature(module.forward).parameters
    inside: Any = getattr(module, "get_base_model", None)
    hands_on = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in own.values())
    if inside is None or not hands_on:
        return own
    return {**inspect.signature(inside().forward).parameters, **own}


def _ways(
    module: nn.Module, parameters: Mapping[str, inspect.Parameter]
) -> Iterator[tuple[str, str]]:
    named = getattr(module, "main_input_name", "input_ids")
    signals = [name for name in _SIGNALS if name in parameters]
    if named in signals:
        signals = [named, *(name for name in signals if name != named)]
    if "decoder_input_ids" in parameters:
        ids = ["input_ids"] if "input_ids" in parameters and named == "input_ids" else []
        for encoder in [*ids, *signals]:
            yield "decoder_input_ids", encoder
    if "input_ids" in parameters and named not in signals:
        yield "input_ids", ""
        for signal in signals:
            yield "input_ids", signal
    elif signals:
        for signal in signals:
            yield signal, ""
    else:
        yield _first(parameters), ""


def _first(parameters: Mapping[str, inspect.Parameter]) -> str:
    """Ids go in by name: by theirs, or because there is no place for them by position."""
    if "input_ids" in parameters:
        return "input_ids"
    kinds = {parameter.kind for parameter in parameters.values()}
    return "" if kinds & _BY_POSITION else "input_ids"
