"""What holds for every test: nothing is fetched from a network, and the slow kinds come last."""

from __future__ import annotations

import os

import pytest

from tests.packaging.wheel import ROOT, WheelEnvironment, build, install

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# Playwright keeps an event loop running in the main thread once it has started, so the browser
# comes after everything that might want a loop of its own.
LAST = ("packaging", "notebook", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return max(
            (LAST.index(m.name) + 1 for m in item.iter_markers() if m.name in LAST), default=0
        )

    items.sort(key=rank)


@pytest.fixture(scope="session")
def wheel_environment(tmp_path_factory: pytest.TempPathFactory) -> WheelEnvironment:
    """mechwidget as its wheel installs it, away from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    return install(build(ROOT, folder / "dist", "wheel"), folder / "environment")
