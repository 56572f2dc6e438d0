"""The JupyterLab extension on the real page: panel, recipes as documents, tabs, status bar."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PROMPT, RESULTS, check_manners, opened
from tests.browser.lab_page import TIMEOUT_MS, LabPage
from tests.browser.lab_server import LabServer
from tests.browser.workbench_page import WorkbenchPage
from tests.session.tiny import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Route

    from tests.browser.warm_kernels import WarmKernels


pytestmark = pytest.mark.browser

SETUP = f"""import mechwidget as mw
model = mw.load('microcosm')
session = mw.Session(model, {PROMPT!r}, metric=mw.LogitDiff(" Paris", " Rome"))
workbench = mw.Workbench(session)
workbench"""
SAVE = "session.save('kept/a.mech.json'); session.save('kept/b.mech.json', overwrite=True)"


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, warm_kernels: WarmKernels
) -> Iterator[LabServer]:
    """One of its own: the panel lists every kernel of a server, those of other tests as well."""
    with LabServer(tmp_path_factory.mktemp("lab-extension"), warm_kernels) as running:
        yield running


@pytest.fixture(scope="module")
def lab(browser: Browser, server: LabServer) -> Iterator[LabPage]:
    """A notebook with one session, and the panel beside it."""
    with opened(browser, server, "lab.ipynb") as notebook:
        notebook.open([SETUP, "import time; time.sleep(3)"])
        notebook.run_cell(0)
        page = LabPage(notebook)
        page.show_panel()
        yield page
        page.activate_notebook()
        check_manners(notebook)


@contextmanager
def slow_to_store(page: Page) -> Iterator[None]:
    """A server that has a file on its disk some time before the page hears of it."""

    def hold(route: Route) -> None:
        if route.request.method != "PUT":
            return route.continue_()
        answer = route.fetch()
        time.sleep(0.7)
        return route.fulfill(response=answer)

    page.route("**/api/contents/kept/*", hold)
    yield
    page.unroute_all(behavior="wait")


@pytest.fixture
def workbench(lab: LabPage) -> WorkbenchPage:
    lab.activate_notebook()
    shown = WorkbenchPage(lab.notebook, 0)
    shown.execute("session.clear()")
    return shown


def test_the_panel_follows_a_click_and_its_switch_changes_the_model(
    lab: LabPage, workbench: WorkbenchPage
) -> None:
    workbench.click(1, 2)
    switch = lab.switch("Zero head 1.2")
    expect(switch).to_have_attribute("aria-checked", "true", timeout=TIMEOUT_MS)
    expect(lab.status).to_have_text("1 intervention · microcosm · cpu")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false", timeout=TIMEOUT_MS)
    eventually(
        lambda: (
            lab.notebook.python(
                "[i in session.now().state.disabled for i in session.interventions]"
            )
            == [True]
        )
    )
    expect(lab.status).to_have_text("1 intervention (1 off) · microcosm · cpu")
    value = lab.notebook.python("session.metric_value == session.baseline_metric_value")
    assert value is True
    lab.session().get_by_test_id("mw-lab-undo").click()
    expect(switch).to_have_attribute("aria-checked", "true", timeout=TIMEOUT_MS)
    metric = lab.session().get_by_test_id("mw-lab-metric")
    expect(metric).to_contain_text("→", timeout=TIMEOUT_MS)
    lab.command("mechwidget:redo")
    expect(switch).to_have_attribute("aria-checked", "false", timeout=TIMEOUT_MS)


def test_keys_palette_and_menu_do_it_too(lab: LabPage, workbench: WorkbenchPage) -> None:
    page = lab.page
    workbench.click(1, 2)
    page.keyboard.press("Control+Alt+z")
    expect(workbench.cell(1, 2)).not_to_have_attribute("data-mark", "whole", timeout=TIMEOUT_MS)
    page.keyboard.press("Control+Alt+y")
    expect(workbench.cell(1, 2)).to_have_attribute("data-mark", "whole", timeout=TIMEOUT_MS)
    page.keyboard.press("Control+Shift+c")
    palette = page.locator("#modal-command-palette")
    palette.locator("input").fill("mechwidget undo")
    expect(palette.locator(".lm-CommandPalette-item.lm-mod-active")).to_contain_text("Undo")
    page.keyboard.press("Enter")
    expect(workbench.cell(1, 2)).not_to_have_attribute("data-mark", "whole", timeout=TIMEOUT_MS)
    page.get_by_role("menuitem", name="View", exact=True).click()
    expect(page.get_by_role("menuitem", name="Show mechwidget")).to_be_visible()
    page.keyboard.press("Escape")


def test_settings_are_followed_at_once(lab: LabPage) -> None:
    page = lab.page
    lab.command("settingeditor:open", query="mechwidget")
    theme = page.locator("[id='jp-SettingsEditor-mechwidget:plugin_theme']")
    for wish in ("dark", "page"):
        theme.select_option(label=wish)
        shown = "dark" if wish == "dark" else "light"
        expect(lab.panel).to_have_attribute("data-mw-theme", shown, timeout=TIMEOUT_MS)
    lab.command("application:close")


def test_a_busy_kernel_is_shown_as_busy_and_switches_all_the_same(
    lab: LabPage, workbench: WorkbenchPage
) -> None:
    workbench.click(0, 1)
    expect(lab.switch("Zero head 0.1")).to_be_visible(timeout=TIMEOUT_MS)
    lab.notebook.start_cell(1)
    kernel = lab.kernel
    expect(kernel.get_by_text("busy")).to_be_visible(timeout=TIMEOUT_MS)
    lab.switch("Zero head 0.1").click()
    expect(lab.switch("Zero head 0.1")).to_have_attribute("aria-checked", "false", timeout=2_500)
    expect(kernel.get_by_text("busy")).to_be_hidden(timeout=TIMEOUT_MS)


def test_a_tab_stays_linked_to_its_cell(lab: LabPage, workbench: WorkbenchPage) -> None:
    lab.command("mechwidget:detach")
    tab = lab.page.locator(".jp-LinkedOutputView").get_by_test_id("mw-workbench")
    expect(tab).to_be_visible(timeout=TIMEOUT_MS)
    tab.get_by_test_id("mw-cell-2-1").click()
    expect(workbench.root.get_by_text("Zero head 2.1").first).to_be_attached(timeout=TIMEOUT_MS)
    lab.page.screenshot(path=RESULTS / "lab-tab.png")
    lab.page.get_by_role("button", name="Show the cell").click()
    lab.page.evaluate(
        "() => [...window.jupyterapp.shell.widgets('main')]"
        ".filter(w => w.id.startsWith('LinkedOutputView')).forEach(w => w.dispose())"
    )


def test_a_recipe_is_a_document_with_a_kernel_of_its_own(
    lab: LabPage, workbench: WorkbenchPage
) -> None:
    workbench.click(1, 1)
    lab.notebook.execute("import os; os.makedirs('kept', exist_ok=True)")
    lab.notebook.execute(SAVE)
    before = lab.kernels()
    document = lab.open_recipe("kept/a.mech.json")
    (own,) = [
        each for each in lab.kernels() if each not in before and each["path"].startswith("kept")
    ]
    assert own["type"] == "mechwidget"
    document.get_by_test_id("mw-cell-0-3").click()
    path = lab.notebook.server.root / "kept" / "a.mech.json"
    expect(lab.page.locator(".lm-TabBar-tab.jp-mod-dirty", has_text="a.mech.json")).to_be_visible()
    lab.save()
    eventually(lambda: how_many(path) == 2)
    with slow_to_store(lab.page):
        document.get_by_test_id("mw-cell-0-2").click()
        lab.save()  # before the text has followed, which then takes a second save
        lab.wait_until(lambda: how_many(path) == 3)
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
    shown = lab.page.locator(".jp-Document:not(.lm-mod-hidden) .jp-Toolbar")
    shown.get_by_role("button", name="JSON").click()
    editor = lab.page.locator(".jp-FileEditor:visible .cm-content")
    expect(editor).to_contain_text('"mechwidget-recipe"', timeout=TIMEOUT_MS)
    lab.command("application:close")
    expect(editor).to_have_count(0)
    lab.activate_notebook()
    assert lab.notebook.python("len(session.interventions)") == 1  # another model
    lab.open("kept/a.mech.json")
    lab.command("application:close")
    eventually(lambda: own["id"] not in [each["id"] for each in lab.kernels()])


def test_two_recipes_are_compared(lab: LabPage) -> None:
    lab.command("mechwidget:compare-recipes", old="kept/b.mech.json", recent="kept/a.mech.json")
    table = lab.page.get_by_test_id("mw-lab-comparison")
    expect(table).to_contain_text("interventions", timeout=TIMEOUT_MS)
    lab.command("application:close")
    expect(table).to_be_hidden()


def test_what_is_said_of_a_broken_recipe_and_of_an_edited_one(lab: LabPage) -> None:
    path = lab.notebook.server.root / "kept" / "broken.mech.json"
    path.write_text('{"format": "something else"}')
    lab.open("kept/broken.mech.json")
    bar = lab.document().get_by_test_id("mw-lab-bar")
    expect(bar).to_have_attribute("data-trouble", "", timeout=2 * TIMEOUT_MS)
    assert "recipe" in bar.inner_text()
    lab.save()
    assert json.loads(path.read_text()) == {"format": "something else"}
    lab.command("application:close")


def test_a_new_workbench_from_the_launcher(lab: LabPage) -> None:
    sessions = lab.panel.get_by_test_id("mw-lab-session")
    before = sessions.count()
    lab.command("launcher:create")
    card = lab.page.locator(".jp-LauncherCard", has_text="Workbench")
    expect(card).to_be_visible(timeout=TIMEOUT_MS)
    card.click()
    shown = lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").get_by_test_id("mw-workbench")
    expect(shown).to_be_visible(timeout=2 * TIMEOUT_MS)
    expect(sessions).to_have_count(before + 1, timeout=TIMEOUT_MS)
    RESULTS.mkdir(exist_ok=True)
    lab.page.screenshot(path=RESULTS / "lab-panel.png")
    lab.notebook.set_theme("JupyterLab Dark")
    expect(lab.panel).to_have_attribute("data-mw-theme", "dark")
    lab.page.screenshot(path=RESULTS / "lab-panel-dark.png")
    lab.notebook.set_theme("JupyterLab Light")
    lab.page.evaluate(
        "async () => { const w = window.jupyterapp.shell.currentWidget;"
        " await w.sessionContext.shutdown(); w.context.model.dirty = false; w.dispose(); }"
    )


def how_many(path: Path) -> int | None:
    """The interventions of a recipe; None while the server is writing it."""
    try:
        return len(json.loads(path.read_text())["interventions"])
    except json.JSONDecodeError:
        return None
