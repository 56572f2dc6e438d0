"""The contract of hosts without a script or a kernel: nbconvert's HTML, and the text/html alone.

What has to hold there is the still picture of every widget's MIME bundle: true, in words, light and
dark, with nothing to fetch. What needs a kernel does not apply, and the report says so.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from tests.browser.conftest import RESULTS
from tests.hosts.contract import CELLS, ECHO, GROUNDS, HEAD_MAP, WORKBENCH, Contract
from tests.hosts.page_kernel import PageKernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from tests.hosts.shared_kernel import SharedKernel

pytestmark = pytest.mark.browser

NO_KERNEL = "no kernel and no script; the still picture is shown"
Bundle = dict[str, Any]


class Answers(PageKernel):
    """A kernel without a page of ours."""

    files: ClassVar[dict[str, Path]] = {}
    headers: ClassVar[dict[str, str]] = {}


class StillHost:
    """A page that was written once, in a browser that reaches nothing."""

    dark = True

    def __init__(self, page: Page, name: str, release: str) -> None:
        self.page, self.name, self.version = page, name, release
        self.pictures = RESULTS / "hosts" / name.lower().replace("/", "-").replace(" ", "-")
        self.asked: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))

    def output(self, cell: int) -> Locator:
        """The still picture of a view's cell."""
        return self.page.locator(".mw-still").nth(cell - WORKBENCH)

    def set_theme(self, theme: str) -> None:
        self.page.emulate_media(color_scheme=theme)

    def foreign_requests(self) -> list[str]:
        return [url for url in self.asked if not url.startswith(("file:", "data:", "about:"))]


@pytest.fixture(scope="module")
def bundles(kernel: SharedKernel) -> Iterator[list[Bundle]]:
    """What a notebook would keep of each cell."""
    with Answers(kernel) as answers:
        shown = [answers.shown(code) for code in CELLS[:ECHO]]
        answers.execute("session.ablate(mw.Head(0, 2)); session.wait()")
        shown[WORKBENCH] = answers.shown("workbench")
        shown[HEAD_MAP] = answers.shown("head_map")
        yield shown
        answers.execute("workbench.close(); head_map.close(); session.close()")


def opened(browser: Browser, file: Path, html: str, name: str, release: str) -> StillHost:
    file.write_text(html)
    context = browser.new_context(viewport={"width": 1240, "height": 1000}, offline=True)
    host = StillHost(context.new_page(), name, release)
    host.page.goto(file.as_uri(), wait_until="domcontentloaded")
    return host


class StillContract(Contract):
    NOT_APPLICABLE: ClassVar[dict[str, str]] = dict.fromkeys(
        ("click", "buffers", "error", "float", "link", "close"), NO_KERNEL
    )

    def test_render(self, host: StillHost) -> None:
        """Each view's picture, with the last result in words."""
        workbench = host.output(WORKBENCH)
        expect(workbench).to_contain_text("Zero head 0.2")
        expect(workbench).to_contain_text("logit difference ·Paris")
        expect(workbench.locator(".map td")).to_have_count(16)
        expect(host.output(HEAD_MAP).locator(".map .off")).to_have_count(1)
        expect(host.page.locator(".mw-still")).to_have_count(2)
        assert host.page.locator(".mw-still script, .mw-still link, .mw-still iframe").count() == 0

    def test_theme(self, host: StillHost) -> None:
        """As the browser prefers: a written page can follow nothing else."""
        host.pictures.mkdir(parents=True, exist_ok=True)
        for theme, ground in GROUNDS.items():
            host.set_theme(theme)
            expect(host.output(WORKBENCH)).to_have_css("background-color", ground)
            host.page.screenshot(path=host.pictures / f"page-{theme}.png", full_page=True)


class TestNbconvert(StillContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, browser: Browser, bundles: list[Bundle], tmp_path_factory: Any) -> StillHost:
        v4 = nbformat.v4
        made = [
            v4.new_code_cell(code, outputs=[v4.new_output("execute_result", data)] if data else [])
            for code, data in zip(CELLS, bundles, strict=False)
        ]
        html, _ = HTMLExporter().from_notebook_node(v4.new_notebook(cells=made))
        file = tmp_path_factory.mktemp("nbconvert") / "notebook.html"
        return opened(browser, file, html, "nbconvert", version("nbconvert"))


class TestTextHtml(StillContract):
    @pytest.fixture(scope="class")
    @classmethod
    def host(cls, browser: Browser, bundles: list[Bundle], tmp_path_factory: Any) -> StillHost:
        parts = [data["text/html"] for data in bundles if data]
        html = "<!doctype html><meta charset=utf-8><title>Still</title>" + "\n".join(parts)
        file = tmp_path_factory.mktemp("still") / "still.html"
        return opened(browser, file, html, "text/html", "alone")

    def test_render(self, host: StillHost) -> None:
        super().test_render(host)
        assert host.foreign_requests() == []
