"""Checkpoints on disk that nobody could load: their headers are true, their weights are holes."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

CONFIG = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "n_layer": 12,
    "n_head": 12,
    "n_embd": 768,
    "torch_dtype": "float32",
}


def safetensors(path: Path, tensors: dict[str, tuple[str, list[int]]]) -> int:
    """A file with this header and as many bytes of weights as it says; returns its size."""
    width = {"F32": 4, "BF16": 2, "F16": 2, "I8": 1}
    entries: dict[str, Any] = {}
    at = 0
    for name, (dtype, shape) in tensors.items():
        count = 1
        for n in shape:
            count *= n
        end = at + count * width[dtype]
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, end]}
        at = end
    header = json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + at)
    return path.stat().st_size


def cached(hub: Path, name: str, config: Any = CONFIG, weights: Any = None) -> Path:
    """A model as it lies in the cache of the Hugging Face hub; returns its snapshot."""
    repo = hub / f"models--{name.replace('/', '--')}"
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = repo / "snapshots" / commit
    (repo / "blobs").mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    snapshot.mkdir(parents=True)
    blob = repo / "blobs" / "config"
    blob.write_text(config if isinstance(config, str) else json.dumps(config))
    (snapshot / "config.json").symlink_to("../../blobs/config")
    if weights is not None:
        safetensors(repo / "blobs" / "weights", weights)
        (snapshot / "model.safetensors").symlink_to("../../blobs/weights")
    return snapshot
