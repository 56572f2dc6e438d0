"""A model's own answers, by its own forward, and the prompts that it takes.

In: a model, and a tensor of ids or `Tokens`. Out: logits `[1, pos, vocab]` and attentions, without
mechwidget.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import torch
from torch import nn

import mechwidget as mw

Prompt = torch.Tensor | mw.Tokens
_SIGNALS = ("pixel_values", "input_features", "input_values", "pixel_values_videos")


def prompt_of(hooked: mw.HookedModel) -> mw.Tokens:
    """What the model takes, of the shape of its example, its ids in another order."""
    tokens = hooked.tokenize(hooked.source.example())
    return replace(tokens, ids=tokens.ids[::-1])


def logits(model: nn.Module, prompt: Prompt) -> torch.Tensor:
    """The model's own, by its own forward."""
    return _answer(_called(model, prompt))


def attentions(model: nn.Module, prompt: Prompt) -> dict[str, list[torch.Tensor]]:
    """`output_attentions` by stack; `cross decoder` for those to the encoder."""
    result = _called(model, prompt, output_attentions=True)
    decoder, encoder = _list(result, "decoder_attentions"), _list(result, "encoder_attentions")
    own, cross = _list(result, "attentions"), _list(result, "cross_attentions")
    towers = {
        name: _list(getattr(result, f"{part}_model_output", None), "attentions")
        for name, part in (("text", "text"), ("image", "vision"))
    }
    return {
        "decoder": decoder or own,
        "encoder": encoder or own,
        "cross decoder": cross,
        **towers,
    }


def _list(result: Any, name: str) -> list[torch.Tensor]:
    found = getattr(result, name, None) or ()
    return [t for t in found if isinstance(t, torch.Tensor)]


def _called(model: nn.Module, prompt: Prompt, **options: Any) -> Any:
    parameters = inspect.signature(model.forward).parameters
    if "use_cache" in parameters:
        options["use_cache"] = False
    if isinstance(prompt, torch.Tensor):
        return model(input_ids=prompt, **options)
    signal = next((name for name in _SIGNALS if name in parameters), "")
    signal = model.main_input_name if model.main_input_name in _SIGNALS else signal
    if prompt.encoder is None:
        name = "input_ids" if prompt.signal is None else signal
        return model(**{name: prompt.tensor()}, **options)
    name = "decoder_input_ids" if "decoder_input_ids" in parameters else "input_ids"
    other = "input_ids" if prompt.encoder.signal is None else signal
    return model(**{name: prompt.tensor(), other: prompt.encoder.tensor()}, **options)


def _answer(result: Any) -> torch.Tensor:
    if getattr(result, "logits_per_image", None) is not None:
        return result.logits_per_image.diagonal()[:, None, None]
    found = next(
        getattr(result, name)
        for name in ("logits", "prediction_logits", "last_hidden_state")
        if getattr(result, name, None) is not None
    )
    return found[:, None] if found.dim() == 2 else found
