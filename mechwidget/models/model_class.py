"""Which class of transformers a checkpoint is opened with.

What the config says that it was saved from: a causal language model, an encoder with or without a
head, an encoder-decoder, a model of speech or of images.

In: a config as JSON. Out: a class with `from_pretrained`, or None for a type of no use here.
"""

from __future__ import annotations

from typing import Any

import transformers
from transformers import AutoModelForCausalLM
from transformers.models.auto import modeling_auto
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

# What is read: the first that knows a model type is its class where the checkpoint names none.
_FAMILIES = (
    *("SEQ_TO_SEQ_CAUSAL_LM", "SPEECH_SEQ_2_SEQ", "MASKED_LM", "ZERO_SHOT_IMAGE_CLASSIFICATION"),
    *("IMAGE_CLASSIFICATION", "VIDEO_CLASSIFICATION", "CTC", "AUDIO_CLASSIFICATION"),
    *("SEQUENCE_CLASSIFICATION", "TOKEN_CLASSIFICATION", "PRETRAINING", "TEXT_ENCODING", "IMAGE"),
)


def model_class(config: dict[str, Any]) -> Any:
    """The class to open a checkpoint with."""
    kind = config.get("model_type")
    causal = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    named = next(iter(config.get("architectures") or ()), None)
    if isinstance(named, str) and named in _known():
        return getattr(transformers, named, None)
    if causal or config.get("auto_map"):
        return AutoModelForCausalLM
    if isinstance(named, str) and named in _bases(kind):
        return getattr(transformers, named, None)
    found = next((some[kind] for some in _mappings() if kind in some), None)
    return None if found is None else getattr(transformers, _first(found), None)


def _known() -> set[str]:
    """Classes with a head that is no causal language model's, and encoders."""
    causal = set(map(_first, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()))
    return {_first(name) for some in _mappings() for name in some.values()} - causal


def _bases(kind: Any) -> set[str]:
    """The bare class of a model type."""
    named = modeling_auto.MODEL_MAPPING_NAMES.get(kind, ())
    return {named} if isinstance(named, str) else set(named)


def _mappings() -> list[dict[Any, Any]]:
    names = (f"MODEL_FOR_{family}_MAPPING_NAMES" for family in _FAMILIES)
    return [dict(getattr(modeling_auto, name)) for name in names]


def _first(name: Any) -> str:
    return name if isinstance(name, str) else str(name[0])
