"""Writes what every host did into `test-results/hosts.json`, and keeps pictures of what failed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("tests.hosts.contract")

from tests.browser.conftest import RESULTS  # noqa: E402 - rewriting comes before the first import
from tests.hosts.contract import Contract  # noqa: E402
from tests.hosts.shared_kernel import SharedKernel  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.browser.lab_server import LabServer

REPORT = RESULTS / "hosts.json"
REPORTED: dict[str, dict[str, object]] = {}


@pytest.fixture(scope="session")
def kernel(server: LabServer) -> SharedKernel:
    return SharedKernel(server)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    made = getattr(item, "cls", None)
    if made is None or not issubclass(made, Contract):
        return report
    host = getattr(item, "funcargs", {}).get("host")
    name = item.originalname.removeprefix("test_")
    if report.failed and host is not None and not host.page.is_closed():
        host.pictures.mkdir(parents=True, exist_ok=True)
        host.page.screenshot(path=host.pictures / f"failed-{name}.png")
    if host is not None and (report.when == "call" or report.outcome != "passed"):
        entry = REPORTED.setdefault(host.name, {"version": host.version, "items": {}})
        entry["items"][name] = said(report)
    return report


def said(report: pytest.TestReport) -> str:
    """ "works", "fails", or why the item does not apply."""
    if report.skipped:
        return report.longrepr[2].removeprefix("Skipped: ")
    return "works" if report.passed else "fails"


def pytest_sessionfinish() -> None:
    if not REPORTED:
        return
    RESULTS.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(REPORTED, indent=2, ensure_ascii=False) + "\n")
