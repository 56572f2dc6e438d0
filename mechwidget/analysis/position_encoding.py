"""How a model tells positions apart: vectors that are added, angles, slopes, or relative biases.

Found by looking at what one forward showed and not by architecture: position vectors are a part of
the first residual, rotations what some module returned as cosines and sines (see `rotary`), ALiBi a
bias that blocks are given and that falls evenly with distance, relative biases a table that is
looked up by pairs of positions. A model may have several of them, or none.

In: a prompt. Out: `PositionEncoding`, named arrays; what a model does not have is empty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from mechwidget.analysis.embedding_parts import EmbeddingParts, embedding_parts
from mechwidget.analysis.position_calls import PositionCalls, position_calls
from mechwidget.analysis.rotary import Rotary, rotaries

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mechwidget.models import HookedModel, Tokens
    from mechwidget.models.prompts import Prompt

_FEWEST = 3  # positions by which a straight line can be told
_STRAIGHT = 2e-2


@dataclass(frozen=True, slots=True, eq=False)
class PositionVectors:
    """Vectors that are added to the stream, one per position.

    Attributes:
        module: what made them; `learned`: whether they are parameters, else a fixed table.
        vectors: float32 `[pos, d]`, as they are added.
        cosines: float32 `[pos, pos]`, between them.
    """

    module: str
    learned: bool
    vectors: npt.NDArray[np.float32]
    cosines: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class RelativeBias:
    """What is added to the scores of a query by how far away a key is.

    Attributes:
        module: the table that it is looked up in; "" of ALiBi, which is computed.
        layers: the layers that are given it, or that look it up.
        distances: int64 `[distance]`, key - query.
        bias: float32 `[head, distance]`, added to the scores; of ALiBi up to a constant per query,
            which softmax does not see.
        slopes: float32 `[head]`, of ALiBi: what one position is worth; None of a table.
    """

    module: str
    layers: tuple[int, ...]
    distances: npt.NDArray[np.int64]
    bias: npt.NDArray[np.float32]
    slopes: npt.NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, eq=False)
class PositionEncoding:
    """Every way in which a model was seen to tell positions apart.

    Attributes:
        vectors: what is added to the stream; None where nothing is.
        rotary: rotations of queries and keys.
        relative: biases of scores.
        reason: why there is nothing to see, where there is not; empty otherwise.
    """

    vectors: PositionVectors | None
    rotary: tuple[Rotary, ...]
    relative: tuple[RelativeBias, ...]
    reason: str = ""


def position_encoding(
    model: HookedModel, prompt: Prompt, *, cancelled: Callable[[], bool] | None = None
) -> PositionEncoding:
    """The position encodings of the main stack, at the positions of the prompt.

    Raises:
        UnsupportedModelError: the prompt is pixels or sound.
        CancelledError: `cancelled()` became true.
    """
    tokens = model.tokenize(prompt)
    parts = embedding_parts(model, tokens, cancelled=cancelled)
    long = _long_enough(tokens)  # one position alone has no frequency
    with model.lock:
        calls = position_calls(model, long, cancelled)
        turned = rotaries(model, long, calls, cancelled)
    n = len(tokens)
    rotary = tuple(replace(one, angles=one.angles[:n]) for one in turned)
    relative = (*_alibi(model, calls), *_tables(calls))
    vectors = _vectors(parts)
    none = vectors is None and not rotary and not relative
    return PositionEncoding(vectors, rotary, relative, _why_none(model) if none else "")


def _long_enough(tokens: Tokens) -> Tokens:
    short = _FEWEST - len(tokens)
    if short <= 0:
        return tokens
    last = tokens.ids[-1:] * short
    texts, special = tokens.texts[-1:] * short, tokens.special[-1:] * short
    return replace(
        tokens,
        ids=tokens.ids + last,
        texts=tokens.texts + texts,
        special=tokens.special + special,
    )


def _vectors(parts: EmbeddingParts) -> PositionVectors | None:
    at = parts.part("position")
    if at is None:
        return None
    vectors = parts.vectors[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return PositionVectors(parts.modules[at], parts.learned[at], vectors, unit @ unit.T)


def _alibi(model: HookedModel, calls: PositionCalls) -> list[RelativeBias]:
    n, found = calls.length, dict[int, tuple[torch.Tensor, list[int]]]()
    for layer, inputs in sorted(calls.inputs.items()):
        for one in inputs:
            heads = model.n_heads(layer)
            if one.shape[-1] >= n and one.is_floating_point() and one.shape[:-1].numel() == heads:
                layers = found.setdefault(id(one), (one, []))[1]
                if layer not in layers:
                    layers.append(layer)
    biases = []
    for tensor, layers in found.values():
        rows = tensor.detach().float().reshape(-1, tensor.shape[-1]).cpu()
        slopes = rows.diff(dim=-1)
        room = _STRAIGHT * float(slopes.abs().max()) if slopes.isfinite().all() else -1.0
        if room <= 0 or float((slopes - slopes[:, :1]).abs().max()) > room:
            continue
        slope = slopes.mean(-1).numpy()
        distances = np.arange(1 - n, 1)
        bias = slope[:, None] * distances[None]
        biases.append(RelativeBias("", tuple(layers), distances, bias.astype(np.float32), slope))
    return biases


def _tables(calls: PositionCalls) -> list[RelativeBias]:
    n, found = calls.length, []
    for name, tensor in calls.biases:
        table = tensor.detach().float().permute(2, 0, 1).cpu().numpy()
        distances = np.arange(1 - n, n)
        lines = [np.diagonal(table, distance, 1, 2) for distance in distances]
        if any(np.ptp(line, axis=-1).max() > 0 for line in lines):
            continue
        bias = np.stack([line[:, 0] for line in lines], -1)
        layers = tuple(at for block, at in calls.blocks.items() if name.startswith(f"{block}."))
        # A stack shares the table of its first layer where only that one has it.
        if layers:
            found.append(RelativeBias(name, layers, distances, bias, None))
    return found


def _why_none(model: HookedModel) -> str:
    if not any(model.n_heads(layer) for layer in range(model.n_layers)):
        return (
            "no layer has attention heads: a recurrent layer reads one token after the other, "
            "and needs no positions"
        )
    return (
        "no position vectors are added to the stream, no module returns cosines and sines, and no "
        "bias by distance reaches the blocks: either the causal mask alone tells positions apart, "
        "or the encoding is computed where it cannot be seen"
    )
