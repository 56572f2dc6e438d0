"""A server for each module, away from the configuration of whoever runs the tests."""

from __future__ import annotations

import pytest

pytest.importorskip("jupyter_server")

from tests.server.jupyter import Jupyter


@pytest.fixture(scope="package", autouse=True)
def own_folders(tmp_path_factory):
    """Configuration, data and caches of nobody else."""
    folder = tmp_path_factory.mktemp("jupyter")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "RUNTIME"):
            patch.setenv(f"JUPYTER_{name}_DIR", str(folder / name.lower()))
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """A server as it is configured by itself."""
    with Jupyter(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def root(jupyter):
    """The served folder, empty."""
    yield jupyter.root
    for path in sorted(jupyter.root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
