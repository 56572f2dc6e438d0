"""What was found of a layer's neurons, kept on disk, so that a long pass is made once.

A file of safetensors per model, reference set, layer and settings, written beside its place and
moved there, so that no reader meets half a file. Whatever cannot be read, does not check out or is
of another shape counts as not there. A disk that is full or not ours costs the file, not the
result: the reason is given back and can be shown.

In: `LayerContexts` and a key. Out: the same again, or None.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mechwidget.analysis.cache_folder import cache_folder

if TYPE_CHECKING:
    import numpy.typing as npt

    from mechwidget.analysis.layer_contexts import LayerContexts

_FORMAT = 1
_ARRAYS = ("value", "prompt", "position", "fired", "sums")
_COUNTS = ("looked", "tokens", "cut", "skipped")
_MOST_BYTES = 2**30  # of all files: the oldest go first

Arrays = dict[str, "npt.NDArray[Any]"]


def contexts_key(model: str, corpus: str, vocabulary: str, layer: int, *settings: int) -> str:
    """The name of a file: everything that its content depends on.

    Args:
        model: its fingerprint.
        corpus: the digest of the prompts.
        vocabulary: a digest of how they are tokenised.
        layer: which layer.
        settings: how many prompts are kept of each neuron, how long they may be …
    """
    parts = json.dumps([_FORMAT, model, corpus, vocabulary, layer, *settings])
    return hashlib.sha256(parts.encode()).hexdigest()


def load_contexts(key: str, like: LayerContexts) -> LayerContexts | None:
    """Fill `like`, which is empty, with what is kept under a key; None where there is nothing."""
    try:
        with safe_open(_path(key), framework="numpy") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            arrays = {name: file.get_tensor(name) for name in (*_ARRAYS, "counts", "exponent")}
        if about.get("key") != key or about.get("digest") != _digest(arrays):
            return None
        return _filled(like, about, arrays)
    except (OSError, SafetensorError, ValueError, TypeError, KeyError):
        return None


def save_contexts(key: str, found: LayerContexts) -> str:
    """Keep what was found; why that could not be done, or nothing."""
    arrays: Arrays = {name: getattr(found, name) for name in _ARRAYS}
    arrays |= {"counts": found.histograms.counts, "exponent": found.histograms.exponent}
    about = {name: getattr(found, name) for name in (*_COUNTS, "why_skipped", "seconds")}
    about |= {"key": key, "digest": _digest(arrays)}
    path = _path(key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        os.close(handle)
        try:
            save_file(arrays, name, {"about": json.dumps(about)})
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
        _make_room(path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return f"not kept on disk: {reason}"
    return ""


def _path(key: str) -> Path:
    return cache_folder() / "neurons" / f"{key}.safetensors"


def _digest(arrays: Arrays) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _filled(like: LayerContexts, about: dict[str, Any], arrays: Arrays) -> LayerContexts | None:
    own: Arrays = {name: getattr(like, name) for name in _ARRAYS}
    own |= {"counts": like.histograms.counts, "exponent": like.histograms.exponent}
    for name, array in own.items():
        if (arrays[name].shape, arrays[name].dtype) != (array.shape, array.dtype):
            return None
    for name in _COUNTS:
        setattr(like, name, int(about[name]))
    like.why_skipped, like.seconds = str(about["why_skipped"]), float(about["seconds"])
    for name in _ARRAYS:
        setattr(like, name, arrays[name].copy())
    like.histograms.counts = arrays["counts"].copy()
    like.histograms.exponent = arrays["exponent"].copy()
    return like


def _make_room(newest: Path) -> None:
    """Delete the oldest files until the rest is small enough."""
    with suppress(OSError):
        files = sorted(newest.parent.glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
        too_much = sum(path.stat().st_size for path in files) - _MOST_BYTES
        for path in files:
            if too_much <= 0 or path == newest:
                break
            too_much -= path.stat().st_size
            path.unlink(missing_ok=True)
