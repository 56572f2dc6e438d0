"""Build the animals of the zoo: random weights, large enough that every part matters."""

from __future__ import annotations

import copy
import inspect
from functools import cache
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

import mechwidget as mw
from tests.models.zoo.species import COMMON, ZOO
from tests.random_weights import built, example

__all__ = ["build", "configuration", "edited_copy", "example", "hooked", "own_logits", "shared"]

torch.set_num_threads(1)


def configuration(name: str) -> Any:
    species = ZOO[name]
    kind = CONFIG_MAPPING[species.kind]
    names = set(inspect.signature(kind).parameters) | set(getattr(kind, "attribute_map", {}))
    fields = {key: value for key, value in COMMON.items() if key in names}
    return kind(**{**fields, **species.special})


def build(name: str, **options: Any) -> nn.Module:
    """A new model of that name; always the same weights."""
    return built(lambda: AutoModelForCausalLM.from_config(configuration(name), **options))


@cache
def shared(name: str) -> nn.Module:
    """A model that tests only read. That this is safe is the law that they test."""
    return build(name)


@cache
def hooked(name: str) -> mw.HookedModel:
    return mw.wrap(shared(name), name=name)


@torch.no_grad()
def own_logits(model: nn.Module, ids: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids).logits


def edited_copy(model: nn.Module) -> nn.Module:
    return copy.deepcopy(model)


@torch.no_grad()
def zero_head_weights(linear: nn.Module, head: int, heads: int) -> None:
    """Zero what W_O does with one head's z: the definition of zero-ablating it."""
    weight = linear.weight
    conv = type(linear).__name__ == "Conv1D"  # GPT-2 keeps it transposed
    width = weight.shape[0 if conv else 1] // heads
    rows = slice(head * width, (head + 1) * width)
    if conv:
        weight[rows] = 0
    else:
        weight[:, rows] = 0
