"""Tiny random models of every causal type of the installed transformers, made without a network.

In: a model type. Out: its configuration, shrunk, and a model whose weights are large enough that
every part of it matters.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from tests.zoo.sizes import LAYERS, OPTIONAL, PER_LAYER, SIZES, SPECIAL, VOCABULARY

_KEPT = ("A_log", "D", "dt_bias", "time_decay", "time_first", "conv", "rope", "lambda_")


def causal_types() -> tuple[str, ...]:
    """Every model type that AutoModelForCausalLM knows."""
    return tuple(sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))


def configuration(kind: str, **special: Any) -> Any:
    """A small configuration of that model type, as a decoder where it can be either."""
    cls = _config_class(kind)
    default = cls()
    decoder = {"is_decoder": True} if hasattr(default, "is_decoder") else {}
    return _shrunk(cls, default, {**decoder, **SPECIAL.get(kind, {}), **special})


def _config_class(kind: str) -> Any:
    """The config of the causal model itself, which may be a part of that of the model type."""
    own = _model_class(kind).config_class
    decoder = own is not None and own.model_type == f"{kind}_decoder"
    return own if decoder else CONFIG_MAPPING[kind]


def _model_class(kind: str) -> Any:
    return getattr(transformers, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[kind])


def build(kind: str, *, attention: str | None = None, **special: Any) -> nn.Module:
    """A new model of that type; always the same weights."""
    torch.manual_seed(0)
    chosen = {"attn_implementation": attention} if attention else {}
    config = configuration(kind, **special)
    if type(config) is CONFIG_MAPPING[kind]:
        model = AutoModelForCausalLM.from_config(config, **chosen).float().eval()
    else:
        model = _model_class(kind)._from_config(config, **chosen).float().eval()
    randomise(model)
    return model


def example(length: int = 11) -> torch.Tensor:
    """Token ids `[1, length]` that no tiny model reads as padding."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(3, VOCABULARY, (1, length), generator=generator)


@torch.no_grad()
def randomise(model: nn.Module) -> None:
    """Weights of a size at which no part drowns: gains 1.5, biases 0.1, norms near 1."""
    generator = torch.Generator().manual_seed(0)

    def noise(parameter: torch.Tensor, scale: float) -> torch.Tensor:
        return torch.randn(parameter.shape, generator=generator) * scale

    for name, parameter in model.named_parameters():
        leaf = name.rpartition(".")[2]
        kept = leaf in _KEPT or leaf.startswith("lambda_") or "conv" in name or "rope" in name
        if kept or not parameter.is_floating_point():
            continue
        if parameter.dim() >= 2:
            fan = max(parameter.shape[-1 if parameter.dim() == 2 else -2], 1)
            gain = 0.7 * math.sqrt(fan) if "emb" in name or "wte" in name else 1.5
            parameter.copy_(noise(parameter, gain / math.sqrt(fan)))
        elif "bias" in leaf:
            parameter.copy_(noise(parameter, 0.1))
        elif "sink" in leaf:
            parameter.copy_(noise(parameter, 1.0))
        elif "norm" in name or "ln" in name:
            parameter.add_(noise(parameter, 0.1))


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
