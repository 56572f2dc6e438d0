"""A fingerprint of a module: the same text for the same weights and settings, in any process.

What a file on disk is named after, so that numbers of one model are never shown for another. It
goes over the class, the config and the plain settings of every module (an adapter's scale, say),
and over the name, shape, dtype and numbers of every parameter and buffer: an exact sum of all their
bits and evenly spaced samples. Of weights beyond `_ALL_BITS` the samples alone count: a change by
hand of single numbers of so large a model may go unseen.

In: a module. Out: 64 hexadecimal digits, or the reason why there are none.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

_ALL_BITS = 2 * 2**30  # bytes of weights whose every number is looked at: a second, about
_SAMPLES = 65_536
_PLAIN = (bool, int, float, str, type(None))
_NOT_OURS = {"training", "_name_or_path", "name_or_path", "_commit_hash", "transformers_version"}
_WORDS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def fingerprint(module: nn.Module) -> str:
    """The fingerprint of a module as it is now.

    Raises:
        UnsupportedModelError: its weights cannot be looked at: they are elsewhere, or packed.
    """
    digest = hashlib.sha256()
    for part in _settings(module):
        digest.update(json.dumps(part, sort_keys=True).encode())
    tensors = list(_tensors(module))
    whole = sum(tensor.nbytes for _, tensor in tensors) <= _ALL_BITS
    for name, tensor in tensors:
        words = _words(name, tensor)
        about: list[Any] = [name, str(tensor.dtype), list(tensor.shape)]
        if whole:
            about.append(int(words.sum(dtype=torch.int64)))
        digest.update(json.dumps(about).encode())
        step = max(1, len(words) // _SAMPLES)
        digest.update(words[::step].cpu().numpy().tobytes())
    return digest.hexdigest()


def _tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()
    for name, part in module.named_modules():
        for key, value in vars(part).items():
            if isinstance(value, torch.Tensor):
                yield f"{name}.{key}", value
            elif isinstance(value, torch.ScriptObject):  # what int8 layers keep their weights in
                raise _unseen(f"{name}.{key}")


def _words(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """The bits of a tensor as whole numbers, which add up to the same in any order."""
    word = _WORDS.get(tensor.element_size())
    if tensor.is_meta or tensor.is_quantized or tensor.layout is not torch.strided or word is None:
        raise _unseen(name)
    return tensor.detach().contiguous().view(-1).view(word)


def _unseen(name: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"The numbers of {name!r} cannot be looked at, so that nobody can say which model this is: "
        "they are offloaded or packed."
    )


def _settings(module: nn.Module) -> Iterator[Any]:
    """What decides about the forward pass beside the tensors, as plain data."""
    config: Any = getattr(module, "config", None)
    if hasattr(config, "to_dict"):
        yield _plain(config.to_dict())
    for name, part in module.named_modules():
        kept = {key: value for key, value in vars(part).items() if key[:1] != "_"}
        yield [name, type(part).__name__, _plain(kept)]


def _plain(value: Any) -> Any:
    """What of a value is plain data; the rest says only that it is there."""
    if isinstance(value, dict):
        kept = {str(key): one for key, one in value.items() if str(key) not in _NOT_OURS}
        return {key: _plain(one) for key, one in kept.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [_plain(item) for item in items]
    return value if isinstance(value, _PLAIN) else type(value).__name__
