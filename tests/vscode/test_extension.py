"""The extension in VS Code itself (code-server): recipes, a live kernel, the tree, saved results.

`make vscode-test` installs code-server and runs this; pictures are kept in test-results/.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

import mechwidget as mw
from mechwidget.recipes import dumps
from mechwidget.views.saved_result import MIME
from tests.browser.chromium import SWITCHES, find_chromium
from tests.browser.conftest import RESULTS
from tests.browser.lab_server import LabServer
from tests.vscode.code_server import EXTENSION, INSTALLED, CodeServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, FrameLocator, Locator, Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (INSTALLED / ".installed").exists() or not EXTENSION.exists(),
        reason="NOT RUN: `make vscode-test` installs code-server",
    ),
]

SESSION = {
    "id": "s",
    "revision": 3,
    "model": {"name": "notebook-model", "device": "cpu"},
    "interventions": [{"id": 4, "sentence": "Zero head 7.3", "enabled": True, "name": None}],
    "interventions_total": 1,
    "undo": "Zero head 7.3",
}
EVIL = "<img src=x onerror=document.title='evil'>"


def write_workspace(server: CodeServer) -> None:
    """A recipe, one that is broken, one that is hostile, and a notebook with saved views."""
    server.workspace.mkdir(parents=True)
    model = mw.load("microcosm")
    metric = mw.LogitDiff(" Paris", " Rome")
    with mw.Session(model, "The capital of France is", metric=metric) as session:
        session.ablate(mw.Head(1, 2))
        session.take_snapshot("without 1.2")
        session.effects().result()
        text = dumps(session.to_recipe())
        with mw.Workbench(session) as view:
            saved = view._repr_mimebundle_()[0]
    (server.workspace / "capital.mech.json").write_text(text)
    (server.workspace / "broken.mech.json").write_text('{"format": "mechwidget-recipe", ')
    hostile = text.replace("Zero head 1.2", EVIL).replace('"microcosm"', json.dumps(EVIL))
    (server.workspace / "hostile.mech.json").write_text(hostile)
    (server.workspace / "saved.ipynb").write_text(json.dumps(notebook({MIME: saved[MIME]})))


def notebook(data: dict) -> dict:
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "execution_count": 1,
        "source": "mw.Workbench(session)",
        "outputs": [output],
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


class VsCode:
    """VS Code on a page, driven by its palette. Attributes: page, server, complaints."""

    def __init__(self, page: Page, server: CodeServer) -> None:
        self.page, self.server = page, server
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.goto(server.url)
        page.wait_for_selector(".monaco-workbench .activitybar", timeout=60_000)

    def _note(self, message) -> None:
        if "Content Security Policy" in message.text and "mechwidget" in str(message.location):
            self.complaints.append(message.text)

    def type_into(self, keys: str, text: str) -> None:
        """Open the palette with `keys`, type, choose the first entry."""
        self.page.keyboard.press(keys)
        field = self.page.locator(".quick-input-widget input[type=text]").first
        field.wait_for(timeout=20_000)
        field.fill(text)
        found = self.page.locator(".quick-input-list .monaco-list-row.focused")
        expect(found).to_contain_text(text.removeprefix(">"), timeout=30_000)
        self.page.keyboard.press("Enter")

    def command(self, title: str, of: str = "mechwidget") -> None:
        self.type_into("F1", f">{of}: {title}")

    @property
    def tree(self) -> Locator:
        """The tree of sessions, brought to the front."""
        shown = self.page.locator(".sidebar .title-label:visible", has_text="Sessions")
        if shown.count() == 0:  # else a click would close it
            self.page.locator(".activitybar [aria-label^='mechwidget']").first.click()
        return self.page.get_by_role("tree", name=re.compile("Sessions"))

    def open(self, name: str) -> None:
        self.type_into("Control+p", name)
        self.page.locator(".tab", has_text=name).wait_for(timeout=20_000)

    @property
    def view(self) -> FrameLocator:
        """What the editor in front shows: a frame in a frame."""
        outer = self.page.frame_locator("iframe.webview.ready:visible")
        return outer.frame_locator("iframe#active-frame")

    def picture(self, name: str) -> None:
        RESULTS.mkdir(exist_ok=True)
        self.page.wait_for_timeout(400)
        self.page.screenshot(path=RESULTS / f"vscode-{name}.png")


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        yield found
        found.close()


@pytest.fixture(scope="module")
def vscode(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[VsCode]:
    server = CodeServer(tmp_path_factory.mktemp("code-server"))
    write_workspace(server)
    server.set(workbench__colorTheme="Default Dark Modern")
    with server:
        page = chromium.new_page(viewport={"width": 1500, "height": 1000})
        shown = VsCode(page, server)
        yield shown
        if not page.is_closed():
            shown.picture("at-the-end")
            page.close()


def test_a_recipe_is_shown_without_a_kernel(vscode: VsCode) -> None:
    vscode.open("capital.mech.json")
    workbench = vscode.view.get_by_test_id("mw-workbench")
    expect(workbench).to_be_visible(timeout=40_000)
    expect(vscode.view.locator(".mwx-bar")).to_have_attribute("data-mode", "saved")
    expect(workbench.get_by_test_id("mw-cell-1-2")).to_have_attribute("data-mark", "whole")
    expect(vscode.view.locator(".mw").first).to_have_attribute("data-mw-theme", "dark")
    assert workbench.get_by_test_id("mw-metric-after").inner_text().startswith("+10.7")
    vscode.picture("saved-dark")
    vscode.command("Toggle between Light/Dark Themes", of="Preferences")
    expect(vscode.view.locator(".mw").first).to_have_attribute(
        "data-mw-theme", "light", timeout=20_000
    )
    vscode.picture("saved-light")
    workbench.get_by_test_id("mw-cell-0-0").click()
    expect(workbench.get_by_test_id("mw-error")).to_contain_text("no kernel")
    vscode.picture("refused")


def test_what_is_no_recipe_is_told_and_what_is_hostile_is_text(vscode: VsCode) -> None:
    vscode.open("broken.mech.json")
    expect(vscode.view.get_by_role("alert")).to_contain_text("not JSON", timeout=20_000)
    vscode.picture("broken")
    vscode.open("hostile.mech.json")
    workbench = vscode.view.get_by_test_id("mw-workbench")
    expect(workbench).to_contain_text("<img src=x", timeout=20_000)
    assert vscode.view.locator("img").count() == 0
    assert "evil" not in vscode.page.title()


def test_a_recipe_is_live_in_a_kernel_of_its_own(vscode: VsCode, jupyter: LabServer) -> None:
    vscode.command("Set the Server and its Token")
    field = vscode.page.locator(".quick-input-widget input[type=text]").first
    expect(field).to_be_visible()
    vscode.page.wait_for_timeout(500)
    field.fill(f"http://127.0.0.1:{jupyter.port}/?token={jupyter.token}")
    vscode.page.keyboard.press("Enter")
    vscode.page.wait_for_timeout(1_000)
    assert jupyter.token not in (vscode.server.folder / "data/User/settings.json").read_text()

    vscode.open("capital.mech.json")
    vscode.view.locator("[data-command=connect]").click()
    bar = vscode.view.locator(".mwx-bar")
    expect(bar).to_have_attribute("data-mode", "live", timeout=90_000)
    workbench = vscode.view.get_by_test_id("mw-workbench")
    workbench.get_by_test_id("mw-cell-2-3").click()
    expect(workbench.get_by_test_id("mw-cell-2-3")).to_have_attribute("data-mark", "whole")
    expect(workbench).not_to_have_attribute("data-waiting", "")
    workbench.get_by_test_id("mw-cell-3-1").hover()
    expect(workbench.get_by_test_id("mw-attention-readout")).to_contain_text("reads")

    tree = vscode.tree
    expect(tree).to_contain_text("Zero head 2.3", timeout=30_000)
    vscode.picture("live")
    row = tree.get_by_role("treeitem", name=re.compile("Zero head 2.3"))
    row.get_by_role("checkbox").click()
    cell = workbench.get_by_test_id("mw-cell-2-3")
    expect(cell).to_have_attribute("data-mark", "off", timeout=20_000)
    vscode.picture("switched-off")
    session = tree.get_by_role("treeitem", name=re.compile("microcosm"))
    for change, mark in (("Undo", "whole"), ("Redo", "off")):
        session.hover()
        session.get_by_role("button", name=f"{change} in this Session").click()
        expect(cell).to_have_attribute("data-mark", mark, timeout=20_000)

    vscode.view.locator("[data-command=keep]").click()
    vscode.page.wait_for_timeout(1_500)
    vscode.page.keyboard.press("Control+s")
    path = vscode.server.workspace / "capital.mech.json"
    deadline = time.monotonic() + 20
    while "Zero head 2.3" not in path.read_text() and time.monotonic() < deadline:
        vscode.page.wait_for_timeout(200)
    kept = json.loads(path.read_text())["interventions"]
    assert [each["enabled"] for each in kept] == [True, False]
    vscode.view.locator("[data-command=disconnect]").click()
    expect(bar).to_have_attribute("data-mode", "saved", timeout=20_000)


def test_a_recipe_becomes_a_notebook(vscode: VsCode) -> None:
    vscode.open("capital.mech.json")
    vscode.view.locator("[data-command=openNotebook]").click()
    cell = vscode.page.locator(".notebook-editor .cell-editor-part").first
    expect(cell).to_contain_text("session = mw.Session.load(", timeout=30_000)
    expect(cell).to_contain_text("capital.mech.json")
    vscode.picture("opened-in-a-notebook")
    vscode.command("Revert and Close Editor", of="View")
    expect(vscode.page.locator(".tab", has_text="Untitled")).to_have_count(0, timeout=20_000)


def test_a_notebooks_kernel_is_in_the_tree(vscode: VsCode) -> None:
    answer = {"status": "ok", "protocol": 1, "sessions": [SESSION]}
    stub = vscode.server.extensions / "ms-toolsai.jupyter-9.9.9"
    (stub / "answer.json").write_text(json.dumps(answer))
    vscode.open("saved.ipynb")
    output = vscode.page.frame_locator("iframe.webview.ready:visible")
    inside = output.frame_locator("iframe#active-frame")
    expect(inside.get_by_test_id("mw-workbench").first).to_be_visible(timeout=40_000)
    vscode.picture("notebook")
    vscode.command("Look for Sessions in Open Notebooks")
    expect(vscode.tree).to_contain_text("Zero head 7.3", timeout=20_000)
    assert '"mechwidget" in _sys.modules' in (stub / "code.txt").read_text()
    vscode.picture("notebook-tree")
    assert vscode.complaints == []


def test_nothing_is_run_where_the_workspace_is_not_trusted(
    tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> None:
    server = CodeServer(tmp_path_factory.mktemp("code-server"), asks=True)
    write_workspace(server)
    server.set(workbench__colorTheme="Default Light Modern")
    with server:
        vscode = VsCode(chromium.new_page(viewport={"width": 1500, "height": 1000}), server)
        restricted = vscode.page.get_by_text("Restricted Mode", exact=True)
        expect(restricted).to_be_visible(timeout=20_000)
        vscode.open("capital.mech.json")
        expect(vscode.view.get_by_test_id("mw-workbench")).to_be_visible(timeout=40_000)
        expect(vscode.tree).to_be_hidden()
        welcome = vscode.page.locator(".welcome-view-content:visible")
        expect(welcome).to_contain_text("once this workspace is trusted")
        vscode.view.locator("[data-command=connect]").click()
        told = vscode.page.locator(".notification-list-item")
        expect(told).to_contain_text("only in a workspace that you trust")
        vscode.picture("not-trusted")
        vscode.command("Manage Workspace Trust", of="Workspaces")
        vscode.page.locator(".workspace-trust-editor").get_by_role(
            "button", name="Trust", exact=True
        ).click()
        expect(welcome).to_contain_text("Set the server", timeout=20_000)
        vscode.picture("trusted")
        vscode.page.close()
