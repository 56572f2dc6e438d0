"""What models run on: torch, a GPU, memory for weights, and where they are kept on disk.

In: this machine. Out: findings.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mechwidget.checkup.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

_LITTLE = 2 * 2**30


def accelerator() -> Iterator[Finding]:
    """The device that torch can use."""
    import torch

    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            name = torch.cuda.get_device_name(index)
            said = f"{name}, {_size(free)} of {_size(total)} free"
            yield Finding(f"GPU cuda:{index}", said)
    elif torch.backends.mps.is_available():
        yield Finding("GPU", "Apple's, as device 'mps'")
    else:
        built = f"torch {torch.__version__} is built for CUDA {torch.version.cuda}"
        said = (
            f"none that torch can use; {built}" if torch.version.cuda else "none; a CPU is enough"
        )
        yield Finding("GPU", said, "note")
    yield Finding("CPU", f"{torch.get_num_threads()} threads of {os.cpu_count() or '?'} cores")


def embedded_model() -> Iterator[Finding]:
    """Whether the model that comes with mechwidget is whole."""
    from mechwidget.microcosm import checkpoint_path

    folder = Path(checkpoint_path())
    weights = folder / "model.safetensors"
    if not weights.is_file() or weights.stat().st_size == 0:
        mend = "pip install --force-reinstall --no-deps mechwidget"
        yield Finding("microcosm", f"{folder} has no weights", "wrong", mend)
        return
    yield Finding("microcosm", f"{_size(weights.stat().st_size)} in {folder}")


def caches() -> Iterator[Finding]:
    """Hugging Face's cache, which mechwidget reads first; it keeps none of its own on disk."""
    from huggingface_hub.constants import HF_HUB_CACHE, HF_HUB_OFFLINE

    folder = Path(HF_HUB_CACHE)
    models = sorted(folder.glob("models--*")) if folder.is_dir() else []
    offline = ", offline" if HF_HUB_OFFLINE else ""
    yield Finding("Hugging Face cache", f"{len(models)} models in {folder}{offline}")
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < _LITTLE:
        mend = "Delete models that you do not need, or set HF_HOME to another disk."
        yield Finding("disk", f"{_size(free)} free at {there}", "wrong", mend)
    yield Finding("mechwidget cache", "none on disk; answers are kept in the kernel's memory")


def _size(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"
