"""A model's name to a folder on this machine: the hub's cache first, then the hub.

In: a name such as "gpt2". Out: the folder of its snapshot. Without a network this says so at
once instead of retrying, and pickles are refused before anything is downloaded.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, hf_hub_download, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from mechwidget.errors import MechwidgetError, ModelLoadError
from mechwidget.models.checkpoint import check_config, check_weights, is_complete, read_json

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_WANTED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
_UNWANTED = ["*/*", "consolidated*"]  # other formats of the same weights
_PATIENCE = 6.0  # seconds for the hub to answer at all


def is_name(name: str) -> bool:
    """Whether this may be a name on the hub (or "microcosm"), and no path."""
    return _NAME.fullmatch(name) is not None and ".." not in name


def folder_of(name: str, *, trust: bool, download: bool = True) -> Path:
    """The folder that holds the model called `name`, downloaded if need be and if allowed."""
    if not _NAME.fullmatch(name):
        raise ModelLoadError(
            f"{name!r} is neither a folder here nor a name on the hub.",
            'Expected "microcosm", a folder, or a name such as "gpt2" or "org/model".',
        )
    cached = _cached(name)
    if cached is not None and is_complete(cached):
        return cached
    if not download:
        raise ModelLoadError(
            f"{name} is not on this machine, and is not to be downloaded.",
            "Load it beforehand with mw.load, or allow the download.",
        )
    try:
        return _downloaded(name, trust=trust)
    except ModelLoadError:
        if cached is not None:  # what is there may say more than that the network is not
            check_weights({path.name for path in cached.iterdir()}, name)
        raise


def _cached(name: str) -> Path | None:
    config = try_to_load_from_cache(name, "config.json")
    return Path(config).parent if isinstance(config, str) else None


def _downloaded(name: str, *, trust: bool) -> Path:
    files = _files(name)
    check_weights({file for file in files if "/" not in file}, name)
    wanted = [*_WANTED, "*.py"] if trust else _WANTED
    try:
        config = Path(hf_hub_download(name, "config.json"))
        check_config(read_json(config), name, trust=trust)  # before gigabytes are on their way
        return Path(snapshot_download(name, allow_patterns=wanted, ignore_patterns=_UNWANTED))
    except MechwidgetError:
        raise
    except (HfHubHTTPError, OSError) as error:
        raise ModelLoadError(f"{name} could not be downloaded: {error}", "Try again.") from error


def _files(name: str) -> list[str]:
    """What is in the hub's repository, or why that cannot be known."""
    try:
        info: Any = HfApi().model_info(name, timeout=_PATIENCE)
    except GatedRepoError:
        raise ModelLoadError(
            f"{name} is gated.", "Ask for access on its page and log in with `hf auth login`."
        ) from None
    except RepositoryNotFoundError:
        raise ModelLoadError(
            f"There is no folder {name!r} here and no model of that name on the hub.",
            "Check the spelling; a private model needs `hf auth login`.",
        ) from None
    except HfHubHTTPError as error:
        raise ModelLoadError(f"The hub refused to tell about {name}: {error}") from error
    except Exception as error:
        raise ModelLoadError(
            f"{name} is not a folder here, not in the local cache, and the hub could not be "
            f"reached ({type(error).__name__}).",
            'Without a network, use "microcosm", a folder, or a model that is in the cache.',
        ) from error
    return [str(file.rfilename) for file in info.siblings or ()]
