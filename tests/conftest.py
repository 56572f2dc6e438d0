"""What holds for every test: nothing is fetched from a network, and the slow kinds come last."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.packaging.wheel import ROOT, WheelEnvironment, build, install

pytest_plugins = ["tests.browser.running"]  # one browser for all folders
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Where several processes share the work each has one thread: torch reads this at its first import.
SHARED = "PYTEST_XDIST_WORKER" in os.environ
if SHARED:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Playwright keeps an event loop running in the main thread once it has started, so the browser
# comes after everything that might want a loop of its own.
LAST = ("packaging", "notebook", "browser")

# Where processes share the work, one has the browser to itself from the start, another begins with
# what wants a loop of its own, and the rest goes file by file to whoever has nothing to do.
TOGETHER = {"browser": "browser", "hosts": "browser", "notebooks": "loops", "packaging": "loops"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank, reverse=SHARED)


def rank(item: pytest.Item) -> int:
    return max((LAST.index(m.name) + 1 for m in item.iter_markers() if m.name in LAST), default=0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return TOGETHER.get(file.split("/")[1], file)

    return ByFolder(config, log)


@pytest.fixture(scope="session")
def wheel_environment(tmp_path_factory: pytest.TempPathFactory) -> WheelEnvironment:
    """mechwidget as its wheel installs it, away from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    return install(build(ROOT, folder / "dist", "wheel"), folder / "environment")
