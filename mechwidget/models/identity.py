"""Which model this is, so that another machine can tell whether it has the same.

In: a hooked model. Out: plain JSON: its name, where it can be loaded from, hashes of its config,
weights and tokenizer. No path of this machine is in it. The weights' hash is of every name
and shape and of some of the numbers of each, so that it takes a moment also for a large model; an
edit of a few numbers by hand may go unseen by it.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.models.hub import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mechwidget.models.hooked_model import HookedModel

_SAMPLES = 512  # of each weight
_SNAPSHOT = re.compile(r"[/\\]snapshots[/\\]([0-9a-f]{40})\b")
_WRAPPED = "_orig_mod."  # what torch.compile puts before every name
_NOT_OF_THE_MODEL = {
    "_name_or_path",
    "transformers_version",
    "dtype",
    "torch_dtype",
    "_commit_hash",
}


def identity(model: HookedModel) -> dict[str, Any]:
    """The fields of a recipe's `model`."""
    config = getattr(model.model, "config", None)
    return {
        "name": model.name,
        "loaded_from": model.loaded_from if is_name(model.loaded_from) else None,
        "revision": _revision(config),
        "class": type(model.model).__name__,
        "dtype": str(model.dtype).removeprefix("torch."),
        "config_hash": _config_hash(config),
        "weights_hash": weights_hash(model),
        "tokenizer_hash": _tokenizer_hash(model.tokenizer),
        "n_layers": model.n_layers,
        "heads": [model.n_heads(layer) for layer in range(model.n_layers)],
        "d_model": model.d_model,
        "vocab_size": model.vocab_size,
        "parameters": sum(each.numel() for each in model.model.parameters()),
    }


def weights_hash(model: HookedModel) -> str | None:
    """Of every weight's name, shape and some numbers; None where they are not in memory."""
    content = sha256()
    with model.lock, torch.no_grad():
        for name, weight in _weights(model):
            if weight.device.type == "meta" or weight.is_quantized:
                return None
            content.update(f"{name} {tuple(weight.shape)}\n".encode())
            content.update(_some(weight).tobytes())
    return f"sha256:{content.hexdigest()}"


def _weights(model: HookedModel) -> Iterator[tuple[str, torch.Tensor]]:
    named = ((n.replace(_WRAPPED, ""), p) for n, p in model.model.named_parameters())
    yield from sorted(named, key=lambda pair: pair[0])


def _some(weight: torch.Tensor) -> Any:
    """Numbers spread evenly over a weight, as little-endian float32."""
    flat = weight.detach().reshape(-1)
    step = max(1, flat.numel() // _SAMPLES)
    return flat[::step].float().cpu().numpy().astype("<f4")


def _revision(config: Any) -> str | None:
    """The commit of the hub's repository, where it was loaded from the hub's cache."""
    known = getattr(config, "_commit_hash", None)
    found = _SNAPSHOT.search(str(getattr(config, "_name_or_path", "")))
    return known if isinstance(known, str) else found[1] if found else None


def _config_hash(config: Any) -> str | None:
    """Of what the config says that is not the default, in any version of the library."""
    if not hasattr(config, "to_diff_dict"):
        return None
    told = {k: v for k, v in config.to_diff_dict().items() if k not in _NOT_OF_THE_MODEL}
    return f"sha256:{sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()}"


def _tokenizer_hash(tokenizer: Any) -> str | None:
    """Of every token, in the order of the ids."""
    if not hasattr(tokenizer, "get_vocab"):
        return None
    content = sha256()
    for text, token in sorted(tokenizer.get_vocab().items(), key=lambda pair: (pair[1], pair[0])):
        content.update(f"{token} {text}\n".encode(errors="surrogatepass"))
    return f"sha256:{content.hexdigest()}"
