"""The contract of hosts in JupyterLab, on the server of the browser tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.contract import Contract
from tests.hosts.jupyter_host import JupyterHost, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.lab_server import LabServer
    from tests.hosts.contract import Host

pytestmark = pytest.mark.browser


class TestJupyterLab(Contract):
    @pytest.fixture(scope="class")
    def host(self, browser: Browser, server: LabServer) -> Iterator[Host]:
        with opened(JupyterHost, browser, server) as host:
            yield host
