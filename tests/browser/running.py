"""One JupyterLab and one Chromium for every test that needs them, in whichever folder it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.chromium import SWITCHES, find_chromium
from tests.browser.lab_server import LabServer
from tests.browser.warm_kernels import WarmKernels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def warm_kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmKernels]:
    with WarmKernels(tmp_path_factory.mktemp("warm")) as running:
        yield running


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, warm_kernels: WarmKernels
) -> Iterator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("lab"), warm_kernels) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip("NOT RUN: no Chromium or Chrome on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield chromium
        chromium.close()
