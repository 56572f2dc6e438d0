"""Look at a checkpoint folder before anything in it is opened by a library.

In: a folder. Out: nothing, or an error that says what is there, what was expected, and what to
do: no config, pickled weights, an adapter, code that would have to run, the wrong kind of model.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from mechwidget.errors import ModelLoadError, UnsupportedModelError
from mechwidget.models.model_class import model_class

if TYPE_CHECKING:
    from pathlib import Path

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "tekken.json",
)


def check_folder(folder: Path, *, trust: bool) -> None:
    """Raise unless `folder` holds a model of a known kind in safetensors."""
    files = {path.name for path in folder.iterdir() if path.is_file()}
    if "config.json" not in files:
        if "adapter_config.json" in files:
            raise ModelLoadError(
                f"{folder} holds an adapter, not a model.",
                "Load its base model, add the adapter with peft, and use mechwidget.wrap.",
            )
        raise ModelLoadError(
            f"{folder} is not a model: it has no config.json.",
            "Expected a folder written by save_pretrained: config.json and *.safetensors.",
        )
    check_weights(files, str(folder))
    check_config(read_json(folder / "config.json"), str(folder), trust=trust)


def check_weights(files: set[str], where: str) -> None:
    """Raise unless there are safetensors weights among `files`."""
    if any(name.endswith(".safetensors") for name in files):
        return
    pickled = sorted(name for name in files if name.endswith(PICKLES))
    if pickled:
        raise ModelLoadError(
            f"{where} has its weights in a pickle ({pickled[0]}), which can run any code when it "
            "is opened; expected *.safetensors.",
            "If you trust it, load it with transformers, save_pretrained it (that writes "
            "safetensors), and load that folder; or give the model to mechwidget.wrap.",
        )
    raise ModelLoadError(f"{where} has no weights; expected *.safetensors.")


def check_config(config: dict[str, Any], where: str, *, trust: bool) -> None:
    """Raise unless the config names a model that may be loaded."""
    kind = config.get("model_type")
    remote = config.get("auto_map")
    if not isinstance(kind, str) and not remote:
        raise ModelLoadError(
            f"{where} is not a model that transformers knows: its config.json has no model_type."
        )
    if kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return
    if remote and kind not in CONFIG_MAPPING:
        if trust:
            return
        raise ModelLoadError(
            f"{where} needs Python code that comes with the checkpoint (model type {kind!r}).",
            "If you have read that code and trust it, load with trust_remote_code=True.",
        )
    if kind not in CONFIG_MAPPING:
        raise ModelLoadError(f"{where} is of type {kind!r}, which this transformers does not know.")
    if model_class(config) is None:
        raise UnsupportedModelError(
            f"{where} is of type {kind!r}, which is no model of text, speech or images.",
            "Load it yourself, and give it to mechwidget.wrap with a Source that says how to call "
            "it.",
        )


def has_tokenizer(folder: Path) -> bool:
    """Whether there is a tokenizer beside the weights."""
    return any((folder / name).is_file() for name in _TOKENIZERS)


def is_complete(folder: Path) -> bool:
    """Whether config and every shard of the weights are there."""
    index = folder / "model.safetensors.index.json"
    if not (folder / "config.json").is_file():
        return False
    if index.is_file():
        shards = set(read_json(index).get("weight_map", {}).values())
        return all((folder / shard).is_file() for shard in shards)
    return any(folder.glob("*.safetensors"))


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(data, dict):
        raise ModelLoadError(f"{path} is not a JSON object.")
    return data
