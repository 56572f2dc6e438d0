"""`mw.load`: a model by name or folder, as a `HookedModel`.

In: "microcosm", a folder, or a name on the Hugging Face hub (its local cache first, so that a
cached model loads without a network). Out: a `HookedModel` of safetensors weights only;
anything else is refused with what to do instead. No code from a checkpoint runs unless
`trust_remote_code=True`.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoTokenizer
from transformers.utils import logging

from mechwidget.errors import ModelLoadError
from mechwidget.microcosm import checkpoint_path
from mechwidget.models.checkpoint import check_folder, has_tokenizer, read_json
from mechwidget.models.hub import folder_of
from mechwidget.models.model_class import model_class
from mechwidget.models.model_sources import from_source
from mechwidget.models.preprocessors import Preprocessors
from mechwidget.models.wrapping import wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mechwidget.models.hooked_model import HookedModel


def load(
    name_or_path: str | os.PathLike[str],
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    *,
    trust_remote_code: bool = False,
    download: bool = True,
) -> HookedModel:
    """Load a transformer: a language model, an encoder, an encoder-decoder, speech or images.

    Its class is the one that its config says it was saved from.

    Args:
        name_or_path: "microcosm" (the embedded model), a folder, a hub name such as "gpt2", or
            "source:reference" for a source that a plugin brings (`mw.plugins()`).
        device: where to put it; None is the CPU, "auto" spreads it over what there is.
        dtype: e.g. "float32" or `torch.bfloat16`; None is the checkpoint's own (float32 for the
            embedded model).
        trust_remote_code: let Python code that comes with the checkpoint run.
        download: ask the hub for a model that is not in the local cache; False refuses.
    """
    name = os.fspath(name_or_path)
    if name == "microcosm" and not Path(name).is_dir():
        return load_embedded(device, dtype)
    if ":" in name and _local(name, if_any=True) is None:
        given = from_source(name, device, dtype)
        if given is not None:
            return given
    return load_checkpoint(name, device, dtype, trust=trust_remote_code, download=download)


def load_embedded(
    device: str | torch.device | None, dtype: str | torch.dtype | None
) -> HookedModel:
    """The model that comes with mechwidget."""
    name = "microcosm"
    with _without_progress_bar():
        embedded = Path(checkpoint_path())
        hooked = _load(embedded, name, device, dtype or "float32", trust=False)
    hooked.loaded_from = name
    return hooked


def load_checkpoint(
    name: str,
    device: str | torch.device | None,
    dtype: str | torch.dtype | None,
    *,
    trust: bool = False,
    download: bool = True,
) -> HookedModel:
    """What is in a folder, or has a name on the hub."""
    local = _local(name)
    folder = local or folder_of(name, trust=trust, download=download)
    title = local.resolve().name if local else name
    hooked = _load(folder, title, device, dtype, trust=trust)
    hooked.loaded_from = str(local.resolve()) if local else name
    return hooked


@contextmanager
def _without_progress_bar() -> Iterator[None]:
    """A model of three megabytes is there before a bar for it is."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _local(name: str, *, if_any: bool = False) -> Path | None:
    """The folder that `name` is, or None when it can only be a name on the hub.

    With `if_any`, anything but a folder is None; else a path that leads nowhere is refused.
    """
    try:
        path = Path(name).expanduser()
        is_folder, is_file = path.is_dir() and name != "", path.is_file()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, no such user
        is_folder = is_file = False
    if is_folder or if_any:
        return path if is_folder else None
    if is_file:
        raise ModelLoadError(
            f"{name} is a file; expected a folder with config.json and *.safetensors.",
            "Give the folder that it is in.",
        )
    if not name or name.startswith(("/", ".", "~")) or "\\" in name or name.count("/") > 1:
        raise ModelLoadError(f"There is no folder {name!r}.", "Check the path.")
    return None


def _load(
    folder: Path,
    name: str,
    device: str | torch.device | None,
    dtype: str | torch.dtype | None,
    *,
    trust: bool,
) -> HookedModel:
    check_folder(folder, trust=trust)
    where, kind = _device(device), _dtype(dtype)
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": trust}
    try:
        model = _weights(folder, kind, where, options)
        preprocessors = _preprocessors(folder, options)
    except ModelLoadError:
        raise
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise ModelLoadError(
            f"{name} could not be loaded: {type(error).__name__}: {first}"
        ) from error
    return wrap(model, preprocessors, name=name)


def _weights(
    folder: Path, dtype: str | torch.dtype, device: torch.device | None, options: dict[str, Any]
) -> nn.Module:
    if device is None:
        options = {**options, "device_map": "auto"}
    chosen = model_class(read_json(folder / "config.json"))
    read: Any = chosen.from_pretrained  # its stubs know no output_loading_info
    model, info = read(
        folder, dtype=dtype, use_safetensors=True, output_loading_info=True, **options
    )
    missing = sorted(info.get("missing_keys", ()))
    if missing:
        raise ModelLoadError(
            f"The checkpoint lacks {len(missing)} of the model's weights, e.g. {missing[0]}: they "
            "would be random.",
            "Is this checkpoint complete?",
        )
    moved: nn.Module = model if device is None else model.to(device)
    return moved


def _preprocessors(folder: Path, options: dict[str, Any]) -> Preprocessors:
    tokenizer: Any = None
    if has_tokenizer(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    return Preprocessors(tokenizer, _extractor(folder, options))


def _extractor(folder: Path, options: dict[str, Any]) -> Any:
    """What prepares pictures or sounds; None where there is none, or where its library is not."""
    files = ("preprocessor_config.json", "processor_config.json")
    if not any((folder / name).is_file() for name in files):
        return None
    for kind in (AutoFeatureExtractor, AutoImageProcessor):
        with suppress(ImportError, OSError, ValueError, KeyError):
            read: Any = kind.from_pretrained
            return read(folder, **options)
    return None


def _device(device: str | torch.device | None) -> torch.device | None:
    """The device asked for; None for "auto"."""
    if device == "auto":
        return None
    try:
        chosen = torch.device(device or "cpu")
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ModelLoadError(
            f"The device {str(device)!r} cannot be used: {str(error).partition(chr(10))[0]}",
            'Expected e.g. "cpu", "cuda", "mps" or "auto".',
        ) from error
    return chosen


def _dtype(dtype: str | torch.dtype | None) -> str | torch.dtype:
    if dtype is None:
        return "auto"
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ModelLoadError(
            f"dtype is {dtype!r}; expected a floating-point one such as 'float32' or 'bfloat16'."
        )
    return found
