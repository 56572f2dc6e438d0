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

pytestmark = pytest.mark.browser


class TestNotebook(Contract):
    @pytest.fixture(scope="class")
    def host(self, browser: Browser, server: LabServer) -> Iterator[Host]:
        with opened(NotebookHost, browser, server) as host:
            yield host
