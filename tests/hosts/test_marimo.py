"""The contract of hosts in marimo, which draws a widget itself, in a shadow root."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.contract import WORKBENCH, Contract
from tests.hosts.marimo_host import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.hosts.contract import Host

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def host(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with opened(browser, tmp_path_factory.mktemp("marimo")) as host:
        yield host


class TestMarimo(Contract):
    def test_render(self, host: Host) -> None:
        super().test_render(host)
        in_shadow = "el => el.getRootNode() instanceof ShadowRoot"
        assert host.output(WORKBENCH).get_by_test_id("mw-workbench").evaluate(in_shadow)
