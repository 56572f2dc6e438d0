"""Tiny random models of every type of the installed transformers, made without a network.

In: a family (what a type is used for: an auto-mapping of transformers) and a model type. Out: its
configuration, shrunk, and a model whose weights are large enough that every part of it matters.
"""

from __future__ import annotations

from typing import Any

import transformers
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from tests.random_weights import built
from tests.zoo.sizes import LAYERS, OPTIONAL, PER_LAYER, SIZES, SPECIAL

FAMILIES: dict[str, tuple[str, ...]] = {  # the first mapping that knows a type says its class
    "causal": ("CAUSAL_LM",),
    "encoder": ("MASKED_LM", "TEXT_ENCODING"),
    "encoder-decoder": ("SEQ_TO_SEQ_CAUSAL_LM",),
    "speech": ("SPEECH_SEQ_2_SEQ", "CTC", "AUDIO_CLASSIFICATION"),
    "vision": ("IMAGE_CLASSIFICATION", "VIDEO_CLASSIFICATION", "IMAGE"),
    "image and text": ("ZERO_SHOT_IMAGE_CLASSIFICATION",),
}
_MORE = {"vision": {"clip_vision_model": "CLIPVisionModel"}}


def types(family: str = "causal") -> tuple[str, ...]:
    """Every model type of a family."""
    return tuple(sorted(_classes(family)))


def configuration(kind: str, family: str = "causal", **special: Any) -> Any:
    """A small configuration of that model type, as a decoder where it can be either."""
    cls = _config_class(kind, family)
    default = cls()
    decoder = {"is_decoder": True} if hasattr(default, "is_decoder") else {}
    as_decoder = decoder if family == "causal" else {}
    return _shrunk(cls, default, {**as_decoder, **SPECIAL.get(kind, {}), **special})


def build(
    kind: str, family: str = "causal", *, attention: str | None = None, **special: Any
) -> nn.Module:
    """A new model of that type; always the same weights."""
    chosen = {"attn_implementation": attention} if attention else {}
    config = configuration(kind, family, **special)
    if family == "causal" and type(config) is CONFIG_MAPPING[kind]:
        return built(lambda: AutoModelForCausalLM.from_config(config, **chosen))
    return built(lambda: _model_class(kind, family)._from_config(config, **chosen))


def _classes(family: str) -> dict[str, Any]:
    found: dict[str, Any] = dict(_MORE.get(family, {}))
    for name in FAMILIES[family]:
        names = getattr(modeling_auto, f"MODEL_FOR_{name}_MAPPING_NAMES")
        found = {**names, **found}
    return found


def _model_class(kind: str, family: str) -> Any:
    named = _classes(family)[kind]
    return getattr(transformers, named if isinstance(named, str) else named[0])


def _config_class(kind: str, family: str) -> Any:
    """The config of the model itself, which may be a part of that of the model type."""
    own = _model_class(kind, family).config_class
    known = kind in CONFIG_MAPPING
    part = own is not None and (family != "causal" or own.model_type == f"{kind}_decoder")
    return own if part or not known else CONFIG_MAPPING[kind]


def _shrunk(cls: Any, default: Any, special: dict[str, Any]) -> Any:
    known = default.to_dict()
    fields = {name: size for name, size in SIZES.items() if _takes(known, name, size)}
    heads = known.get("num_attention_heads")
    if heads is not None and known.get("num_key_value_heads") == heads:
        fields["num_key_value_heads"] = SIZES["num_attention_heads"]  # no grouping by default
    for name in PER_LAYER:
        if isinstance(known.get(name), list) and known[name]:
            fields[name] = _per_layer(known[name], special.get("num_hidden_layers", LAYERS))
    for name in getattr(cls, "sub_configs", {}):
        part = getattr(default, name, None)
        if hasattr(part, "to_dict"):
            fields[name] = _shrunk(type(part), part, special.get(name, {})).to_dict()
    return cls(**{**special, **fields, **_own(special, fields)})


def _own(special: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """What is special here rather than in a part that has been shrunk with it."""
    return {k: v for k, v in special.items() if not isinstance(fields.get(k), dict)}


def _takes(known: dict[str, Any], name: str, size: Any) -> bool:
    if name not in known or isinstance(known[name], (list, dict)):
        return False
    return known[name] is not None or name not in OPTIONAL


def _per_layer(kinds: list[Any], layers: int) -> list[Any]:
    """Every kind of layer that the default has, in turn."""
    distinct = list(dict.fromkeys(kinds))
    return [distinct[i % len(distinct)] for i in range(layers)]
