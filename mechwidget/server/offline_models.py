"""Which models can be loaded on this machine without a network.

In flow the shipped model and the Hugging Face cache; out flow their facts, sizes, and the line of
Python that loads each. Nothing is downloaded, and no model is loaded. The cache is that of the
server's environment; a kernel elsewhere may see another.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mechwidget.microcosm import checkpoint_path
from mechwidget.server.checkpoint_facts import checkpoint_facts

Json = dict[str, Any]

_MOST_MODELS = 500


@dataclass(frozen=True)
class Listing:
    """The models that were found.

    Attributes:
        models: one object each, the shipped one first, then the one used last.
        cache: the folder of the cache; None where there is none.
        problems: sentences about what could not be read.
    """

    models: list[Json]
    cache: str | None
    problems: list[str]


class OfflineModels:
    """Looks at most once in `seconds`, in a thread, and once for all who ask meanwhile."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._listing: Listing | None = None
        self._made = 0.0

    async def list(self, *, refresh: bool = False) -> Listing:
        """What there is; `refresh` looks again."""
        async with self._lock:
            old = time.monotonic() - self._made > self._seconds
            if self._listing is None or old or refresh:
                self._listing = await asyncio.to_thread(find_models)
                self._made = time.monotonic()
            return self._listing


def find_models() -> Listing:
    """The shipped model, and those in the Hugging Face cache."""
    cached, cache, problems = _cached()
    return Listing([_embedded(), *cached], cache, problems)


def _embedded() -> Json:
    folder = checkpoint_path()
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return {
        "name": "microcosm",
        "source": "embedded",
        "revision": None,
        "bytes": size,
        "used": None,
        **checkpoint_facts(folder),
        "code": _code("microcosm"),
    }


def _cached() -> tuple[list[Json], str | None, list[str]]:
    try:
        # Imported when first asked for: it would be a good part of what starting costs.
        from huggingface_hub import constants, scan_cache_dir  # noqa: PLC0415
        from huggingface_hub.errors import CacheNotFound  # noqa: PLC0415
    except ImportError:
        return [], None, ["huggingface_hub is not installed beside the server."]
    try:
        info = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return [], None, []
    except (OSError, ValueError) as error:
        return [], None, [f"The Hugging Face cache could not be read ({type(error).__name__})."]
    repos = sorted(info.repos, key=lambda repo: -repo.last_accessed)
    models = [repo for repo in repos if repo.repo_type == "model"]
    problems = [f"{len(info.warnings)} folders of the cache are damaged."] if info.warnings else []
    if len(models) > _MOST_MODELS:
        problems.append(f"Only the {_MOST_MODELS} that were used last are listed.")
    found = (_of_repository(repo) for repo in models[:_MOST_MODELS])
    return [each for each in found if each], str(constants.HF_HUB_CACHE), problems


def _of_repository(repo: Any) -> Json | None:
    """A model of the cache, as its newest revision; None where that is no transformer's folder."""
    revision = max(repo.revisions, key=lambda each: ("main" in each.refs, each.last_modified))
    folder = Path(revision.snapshot_path)
    if not (folder / "config.json").is_file():
        return None
    facts = checkpoint_facts(folder)
    return {
        "name": repo.repo_id,
        "source": "cache",
        "revision": revision.commit_hash,
        "bytes": repo.size_on_disk,
        "used": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(repo.last_accessed)),
        **facts,
        "code": _code(repo.repo_id) if facts["problem"] is None else None,
    }


def _code(name: str) -> str:
    return f"import mechwidget as mw\n\nmodel = mw.load({name!r})"
