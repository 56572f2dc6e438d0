"""Writes what every host did into `test-results/hosts.json`, and keeps pictures of what failed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

pytest.register_assert_rewrite("tests.hosts.contract")

from tests.browser.conftest import RESULTS  # noqa: E402 - rewriting comes before the first import
from tests.hosts.contract import Contract  # noqa: E402
from tests.hosts.report import STORED, stored  # noqa: E402
from tests.hosts.shared_kernel import SharedKernel  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.browser.lab_server import LabServer

REPORT = RESULTS / "hosts.json"
ITEMS = [name.removeprefix("test_") for name in vars(Contract) if name.startswith("test_")]
REPORTED: dict[str, Any] = {}


@pytest.fixture(scope="session")
def kernel(server: LabServer) -> SharedKernel:
    return SharedKernel(server)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A host's items in the contract's order, also those that its file adds to: closing is last."""
    order = [f"test_{item}" for item in ITEMS]
    groups: dict[object, int] = {}

    def place(item: pytest.Item) -> tuple[int, int]:
        made = getattr(item, "cls", None)
        if made is None or not issubclass(made, Contract):
            return groups.setdefault(item, len(groups)), 0
        own = order.index(item.originalname) if item.originalname in order else len(order)
        return groups.setdefault(made, len(groups)), own

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    made = getattr(item, "cls", None)
    if made is None or not issubclass(made, Contract):
        return report
    host = made.shown_by
    if host is None:
        return report
    name = item.originalname.removeprefix("test_")
    if report.failed and not host.page.is_closed():
        pictures = RESULTS / "hosts"
        pictures.mkdir(parents=True, exist_ok=True)
        host.page.screenshot(path=pictures / f"failed-{made.__name__}-{name}.png")
    if name in ITEMS and (report.when == "call" or report.outcome != "passed"):
        entry = REPORTED.setdefault(host.name, {"version": host.version, "items": {}})
        entry["items"][name] = said(report, made.LIMITS.get(name, ""))
        compare(report, host.name, name)
    return report


def compare(report: pytest.TestReport, host: str, item: str) -> None:
    """Fails where the stored report, and with it the README, claims another thing than was seen."""
    now = REPORTED[host]["items"][item]
    claimed = stored().get(host, {}).get("items", {}).get(item) if STORED.exists() else None
    if report.failed or now == claimed or os.environ.get("HOSTS_REPORT") == "new":
        return
    report.outcome = "failed"
    report.longrepr = f"{host}, {item}: {now!r}, but REPORT.json says {claimed!r}; run `make hosts`"


def said(report: pytest.TestReport, limit: str) -> str:
    """ "works", with what it does not cover; "fails"; or why the item does not apply."""
    if report.skipped:
        return report.longrepr[2].removeprefix("Skipped: ")
    return ": ".join(filter(None, ("works", limit))) if report.passed else "fails"


def pytest_sessionfinish() -> None:
    if not REPORTED:
        return
    RESULTS.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(REPORTED, indent=2, ensure_ascii=False) + "\n")
