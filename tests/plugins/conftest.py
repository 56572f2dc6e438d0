"""The example plugins, installed once for all tests here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.plugins.installed import install

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three good ones."""
    return install(tmp_path_factory.mktemp("examples"), "source", "measures", "view")


@pytest.fixture(scope="session")
def with_broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good one and the broken ones."""
    return install(tmp_path_factory.mktemp("broken"), "measures", "broken")
