"""What can be known of a checkpoint without loading it: from its config and its weights' headers.

In flows a folder that anybody may have filled; out flow plain facts, and the reason where
`mechwidget.load` would refuse it. A header is read up to a limit, weights never, and nothing that
is found is run.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]

_LARGEST_CONFIG = 4 * 2**20
_LARGEST_HEADER = 32 * 2**20
_MOST_SHARDS = 512
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I8": "int8",
    "U8": "uint8",
    "I32": "int32",
}
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
_WIDTHS = ("hidden_size", "n_embd", "d_model", "dim")


def checkpoint_facts(folder: Path) -> Json:
    """What a folder with `config.json` and `*.safetensors` says of itself.

    `parameters` and `dtype` are those of the stored tensors, from the headers; `problem` is why it
    cannot be loaded as it is, None where it can.
    """
    config = read_object(folder / "config.json")
    shards, missing = _shards(folder)
    tensors = _tensors(shards)
    said = config.get("dtype") or config.get("torch_dtype")
    return {
        "type": _text(config.get("model_type")),
        "architecture": _text((_list(config.get("architectures")) or [None])[0]),
        "n_layers": _number(config, _LAYERS),
        "n_heads": _number(config, _HEADS),
        "d_model": _number(config, _WIDTHS),
        "parameters": sum(tensors.values()) or None,
        "dtype": _most_common(tensors) or _text(said),
        "problem": _problem(folder, config, shards, missing),
    }


def read_object(path: Path) -> Json:
    """The JSON object in a small file; empty where there is none, or where it is none."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_CONFIG + 1)
        found = json.loads(raw) if len(raw) <= _LARGEST_CONFIG else None
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _shards(folder: Path) -> tuple[list[Path], bool]:
    """The files of weights, and whether some that the index names are not there."""
    index = read_object(folder / "model.safetensors.index.json").get("weight_map")
    if isinstance(index, dict):
        names = {n for n in index.values() if isinstance(n, str) and "/" not in n and "\\" not in n}
        paths = [folder / name for name in sorted(names)[:_MOST_SHARDS]]
        return [path for path in paths if path.is_file()], not all(p.is_file() for p in paths)
    try:
        found = sorted(path for path in folder.glob("*.safetensors") if path.is_file())
    except OSError:
        found = []
    whole = [path for path in found if path.name == "model.safetensors"]
    return (whole or found)[:_MOST_SHARDS], False


def _tensors(shards: list[Path]) -> Counter[str]:
    """How many numbers of each dtype are stored."""
    counts: Counter[str] = Counter()
    for shard in shards:
        for entry in _header(shard).values():
            shape = entry.get("shape") if isinstance(entry, dict) else None
            if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
                continue
            counts[str(entry.get("dtype"))] += math.prod(shape)
    return counts


def _header(shard: Path) -> Json:
    """The header of a safetensors file: 8 bytes of length, then JSON."""
    try:
        with shard.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            found = json.loads(file.read(length)) if length <= _LARGEST_HEADER else None
    except (OSError, ValueError, RecursionError, struct.error):
        return {}
    return found if isinstance(found, dict) else {}


def _most_common(tensors: Counter[str]) -> str | None:
    if not tensors:
        return None
    code = tensors.most_common(1)[0][0]
    return _DTYPES.get(code, code[:40])


def _problem(folder: Path, config: Json, shards: list[Path], missing: bool) -> str | None:
    if not config:
        return "There is no config.json that can be read."
    if missing:
        return "Some files of its weights are not here: the download is not complete."
    if not shards:
        pickled = any(path.suffix in _PICKLES for path in folder.iterdir())
        return (
            "Its weights are in a pickle, which can run any code; only safetensors are read."
            if pickled
            else "Its weights are not here."
        )
    if config.get("auto_map"):
        return "It comes with Python code of its own, which is run only if you say so."
    return None


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(config: Json, names: tuple[str, ...]) -> int | None:
    nested = config.get("text_config")
    for source in (config, nested if isinstance(nested, dict) else {}):
        for name in names:
            value = source.get(name)
            if type(value) is int and 0 < value < 2**53:
                return value
    return None
