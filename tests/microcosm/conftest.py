"""The shipped checkpoint, loaded once, on one thread."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from mechwidget.microcosm import checkpoint_path, phenomena
from mechwidget.microcosm.evaluation.report import load


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def checkpoint() -> Any:
    return load(checkpoint_path())


@pytest.fixture(scope="session")
def found() -> dict[str, Any]:
    return phenomena()
