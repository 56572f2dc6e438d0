"""`mw.wrap`: a module that is already in memory, as a `HookedModel`.

In: a module and perhaps its tokenizer. Out: a `HookedModel`, or an `UnsupportedModelError` that
says how far the trace came. The module is surveyed each time, so that a model that was changed
in between (LoRA added, layers cut) is seen as it is now.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.forward_source import ForwardSource
from mechwidget.models.hooked_model import HookedModel
from mechwidget.models.locks import lock_of
from mechwidget.models.preprocessors import preprocessors_of
from mechwidget.models.survey import survey
from mechwidget.models.twin import uncompiled


def wrap(model: nn.Module, tokenizer: Any = None, *, name: str | None = None) -> HookedModel:
    """Find the sites of a model in memory.

    Args:
        model: a decoder language model whose forward takes token ids and gives logits.
        tokenizer: its tokenizer; without one, prompts are token ids.
        name: what to call it; the default is its config's or its class's name.
    """
    if not isinstance(model, nn.Module):
        raise UnsupportedModelError(
            f"wrap was given {type(model).__name__}; expected a torch module.",
            "To load by name or folder, use mechwidget.load.",
        )
    module = uncompiled(model)
    preprocessors = preprocessors_of(tokenizer)
    with lock_of(module):
        source = ForwardSource(module, preprocessors)
        ledger = survey(module, source)
    name = name or _name(module)
    return HookedModel(module, preprocessors.tokenizer, name, ledger, source)


def _name(module: nn.Module) -> str:
    named = getattr(getattr(module, "config", None), "_name_or_path", "")
    return str(named).rstrip("/").rpartition("/")[2] or type(module).__name__
