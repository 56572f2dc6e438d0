"""`mw.wrap`: a module that is already in memory, as a `HookedModel`.

In: a module and perhaps its tokenizer. Out: a `HookedModel`, or an `UnsupportedModelError` that
says how far the trace came. The module is surveyed each time, so that a model that was changed
in between (LoRA added, layers cut) is seen as it is now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import PreTrainedModel

from mechwidget.errors import UnsupportedModelError
from mechwidget.models.forward_source import ForwardSource
from mechwidget.models.hooked_model import HookedModel
from mechwidget.models.lens_points import hook_points
from mechwidget.models.locks import lock_of
from mechwidget.models.model_sources import from_taker
from mechwidget.models.naming import name_sites, offer_sites
from mechwidget.models.preprocessors import preprocessors_of
from mechwidget.models.source_checks import check_source
from mechwidget.models.survey import survey
from mechwidget.models.unwrapping import unwrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mechwidget.models.source import Source


def wrap(
    model: nn.Module,
    tokenizer: Any = None,
    *,
    source: Source | None = None,
    sites: Mapping[str, str] | None = None,
    name: str | None = None,
) -> HookedModel:
    """Find the sites of a model in memory.

    Args:
        model: a transformer; also compiled, with PEFT adapters, offloaded by accelerate,
            quantised, inside a module of your own, or a TransformerLens `TransformerBridge`.
            Its forward takes token ids, pixels or sound and gives logits or, without a head, its
            last hidden state. Anything else that the source of a plugin takes.
        tokenizer: its tokenizer, feature extractor, image processor, or a processor that holds
            several; without one, prompts are token ids, pixels or sound as tensors. A bridge
            brings its own.
        source: how to call it and what its prompts are, where its forward is not one of Hugging
            Face's kind: see `Source`, and `TextSource` for one made of functions.
        sites: modules whose output is a site, such as the hook points of a toy transformer:
            `{"z": "blocks.{layer}.attn.hook_z"}`. z, q, k and v are `[batch, pos, head, d_head]`;
            scores and pattern `[batch, head, query, key]`. What is not named is traced.
        name: what to call it; the default is its config's or its class's name.

    Raises:
        UnsupportedModelError: the trace found no residual stream, or the source does not work.
        SiteError: a named module is not there, or its output cannot be that site.
    """
    if source is None and sites is None and not isinstance(model, PreTrainedModel):
        given_by_plugin = from_taker(model, tokenizer, name)
        if given_by_plugin is not None:
            return given_by_plugin
    if not isinstance(model, nn.Module):
        raise UnsupportedModelError(
            f"wrap was given {type(model).__name__}; expected a torch module.",
            "To load by name or folder, use mechwidget.load.",
        )
    given = unwrapped(model)
    module = given.module
    preprocessors = preprocessors_of(given.tokenizer if tokenizer is None else tokenizer)
    with lock_of(module):
        if source is None:
            source = ForwardSource(module, preprocessors)
        else:
            check_source(source, module)
        ledger = survey(module, source)
        ledger = offer_sites(ledger, module, source, hook_points(given.outside, module, ledger))
        if sites is not None:
            ledger = name_sites(ledger, module, source, sites)
    name = name or _name(module)
    return HookedModel(module, preprocessors.tokenizer, name, ledger, source)


def _name(module: nn.Module) -> str:
    named = getattr(getattr(module, "config", None), "_name_or_path", "")
    return str(named).rstrip("/").rpartition("/")[2] or type(module).__name__
