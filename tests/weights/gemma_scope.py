"""GemmaScope's transcoders (Lieberum et al. 2024, arXiv 2408.05147) as dictionaries.

They read what the norm before the MLP gives *before* its gain (they were trained on a model with
the gain folded into the MLP), and write what the MLP adds to the stream, behind the norm after it.
`mlp_in` has the gain in it: x / gain · W_enc is x · (W_enc / gain).

In: arrays, and a Gemma 2. Out: a `Dictionary` of `mlp_in` and `mlp_out`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from huggingface_hub import try_to_load_from_cache

import mechwidget as mw

REPOSITORY = "google/gemma-scope-2b-pt-transcoders"


def transcoder(
    arrays: Mapping[str, npt.NDArray[np.float32]], model: mw.HookedModel, layer: int
) -> mw.Dictionary:
    """A dictionary of one layer of `model`, from W_enc, b_enc, W_dec, b_dec and threshold."""
    norm = model.model.model.layers[layer].pre_feedforward_layernorm
    gain = 1 + norm.weight.detach().float().cpu()
    tensors = {name: torch.from_numpy(np.array(array)).float() for name, array in arrays.items()}
    return mw.Dictionary(
        tensors["W_enc"] / gain[:, None], tensors["b_enc"], tensors["W_dec"], tensors["b_dec"],
        reads=("mlp_in", layer), writes=("mlp_out", layer), activation="jumprelu",
        threshold=tensors["threshold"],
    )  # fmt: skip


def cached_file(layer: int) -> Path | None:
    """The one transcoder of that layer and 16k features that is in the cache, if it is one."""
    anything = try_to_load_from_cache(REPOSITORY, "README.md")
    if not isinstance(anything, str):
        return None
    found = list(Path(anything).parent.glob(f"layer_{layer}/width_16k/*/params.npz"))
    return found[0] if len(found) == 1 else None
