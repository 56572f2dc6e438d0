"""Attention heads: what they attend to, and how to run without them. Plain hooks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from transformers import GPT2LMHeadModel

from mechwidget.microcosm.evaluation.behaviours import PERIOD


class Head(NamedTuple):
    """A head by its coordinates; `str` gives the usual label."""

    layer: int
    head: int

    def __str__(self) -> str:
        return f"L{self.layer}H{self.head}"


def all_heads(model: GPT2LMHeadModel) -> list[Head]:
    """Every head of the model, in reading order."""
    config = model.config
    return [Head(layer, head) for layer in range(config.n_layer) for head in range(config.n_head)]


def _silence(
    _module: Any, args: tuple[torch.Tensor, ...], columns: list[int]
) -> tuple[torch.Tensor]:
    mixed = args[0].clone()
    mixed[..., columns] = 0
    return (mixed,)


@contextmanager
def zero_ablated(model: GPT2LMHeadModel, heads: Iterable[Head]) -> Iterator[None]:
    """Run without these heads: what each writes to the residual stream (before W_O) is zero."""
    size = model.config.n_embd // model.config.n_head
    chosen, handles = list(heads), []
    for layer in {head.layer for head in chosen}:
        columns = [
            head.head * size + i for head in chosen if head.layer == layer for i in range(size)
        ]
        projection: torch.nn.Module = model.get_submodule(f"transformer.h.{layer}.attn.c_proj")
        handles.append(projection.register_forward_pre_hook(partial(_silence, columns=columns)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _diagonal(pattern: torch.Tensor, offset: int, first: int) -> torch.Tensor:
    """Mean attention from each query >= first to the key `offset` before it, per head."""
    queries = torch.arange(first, pattern.shape[-1])
    return pattern[:, :, queries, queries - offset].mean((0, 2))


@torch.no_grad()
def attention_scores(model: GPT2LMHeadModel, repeats: torch.Tensor) -> dict[str, list[list[float]]]:
    """Scores of all heads on repeated random words, as [layer][head].

    `previous_token`: attention to the token before (Elhage et al. 2021). `induction`: attention to
    the token after the earlier copy of the current one (Olsson et al. 2022). `duplicate_token`:
    attention to that earlier copy itself (Wang et al. 2022).
    """
    patterns = model(repeats, output_attentions=True).attentions
    second = PERIOD + 1  # position of the first repeated word
    recipes = {
        "previous_token": (1, 2),
        "induction": (PERIOD - 1, second),
        "duplicate_token": (PERIOD, second),
    }
    return {
        name: [
            [round(float(value), 4) for value in _diagonal(pattern, offset, first)]
            for pattern in patterns
        ]
        for name, (offset, first) in recipes.items()
    }


def heads_above(scores: list[list[float]], threshold: float) -> list[Head]:
    """Heads whose score exceeds the threshold, highest first."""
    found = {
        Head(layer, head): value
        for layer, row in enumerate(scores)
        for head, value in enumerate(row)
        if value > threshold
    }
    return sorted(found, key=lambda head: -found[head])
