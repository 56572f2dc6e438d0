"""The contract of hosts in Notebook 7, served beside JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.contract import Contract
from tests.hosts.jupyter_host import NotebookHost, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.lab_server import LabServer
    from tests.hosts.contract import Host
    from tests.hosts.shared_kernel import SharedKernel

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def host(browser: Browser, server: LabServer, kernel: SharedKernel) -> Iterator[Host]:
    with opened(NotebookHost, browser, server, kernel) as host:
        yield host


class TestNotebook(Contract):
    pass
