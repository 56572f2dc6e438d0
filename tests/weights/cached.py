"""Models with published numbers, from the local Hugging Face cache and nowhere else.

In: names under which a model may be in the cache. Out: the model in float32, or in the dtype in
which its numbers were published, or a skip that says what is missing. Nothing is ever downloaded.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from huggingface_hub import try_to_load_from_cache

import mechwidget as mw
from mechwidget.models.checkpoint import is_complete


def require(*names: str, dtype: str = "float32") -> mw.HookedModel:
    """The first of these that is in the cache."""
    for name in names:
        if _is_cached(name):
            return _loaded(name, dtype)
    pytest.skip(f"{names[0]} is not in the local Hugging Face cache")


def with_start(model: mw.HookedModel, text: str) -> tuple[int, ...]:
    """The ids of a text after the beginning-of-sequence token, as TransformerLens gives it."""
    return (model.tokenizer.bos_token_id, *without_start(model, text))


def without_start(model: mw.HookedModel, text: str) -> tuple[int, ...]:
    """The ids of a text and nothing else."""
    return tuple(model.tokenizer(text, add_special_tokens=False).input_ids)


def _is_cached(name: str) -> bool:
    config = try_to_load_from_cache(name, "config.json")
    return isinstance(config, str) and is_complete(Path(config).parent)


@cache
def _loaded(name: str, dtype: str) -> mw.HookedModel:
    return mw.load(name, dtype=dtype)
