"""What a page owes to a view, in whatever host it is shown: written once, run against every host.

Flows in: a `Host`, the small driver of one front end, with the four cells below in its notebook.
Flows out: an answer for every item of `Contract`, from which the README's table of hosts is made.
A host is tested by a subclass of `Contract` in a file of its own, with a fixture named `host`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pytest
from playwright.sync_api import expect

from tests.browser.workbench_page import WorkbenchPage, shown

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

SETUP, WORKBENCH, HEAD_MAP, ECHO = range(4)
CELLS = (
    """import mechwidget as mw
model = mw.load("microcosm")
session = mw.Session(model, "The capital of France is", metric=mw.LogitDiff(" Paris", " Rome"))""",
    "workbench = mw.Workbench(session)\nworkbench",
    "head_map = mw.HeadMap(session)\nhead_map",
    "from tests.hosts.echo import Echo\necho = Echo()\necho",
)
TIMEOUT_MS = 20_000
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 20, 24)"}
# Where the ground behind a view may be seen: what it sits in, out through shadow roots and frames.
GROUND_OF = "el => getComputedStyle(el.closest('.mw')).backgroundColor"
SHEETS_APPLY = """el => {
  const view = el.closest(".mw");
  const { fontFamily, fontSize, color } = getComputedStyle(el);
  return [fontSize, fontFamily.includes("sans-serif"), color === getComputedStyle(view).color];
}"""
# What is painted over the middle of the element, looked up where the element lives.
ON_TOP = """el => {
  const { left, top, width, height } = el.getBoundingClientRect();
  const inside = left >= 0 && top >= 0 && left + width <= innerWidth && top + height <= innerHeight;
  return inside && el.contains(el.getRootNode().elementFromPoint(left + width / 2, top + 8));
}"""
# Controls that stick out of the view, unless they are in something that scrolls.
CUT_OFF = """el => {
  const { left, right } = el.getBoundingClientRect();
  const scrolls = node => node !== el && node !== null &&
    (/auto|scroll/.test(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
  return [...el.querySelectorAll("button, input, select")].filter(node => {
    const box = node.getBoundingClientRect();
    return box.width > 0 && (box.left < left - 1 || box.right > right + 1) && !scrolls(node);
  }).map(node => node.outerHTML.slice(0, 80));
}"""
FOCUSED = """el => {
  const { activeElement } = el.getRootNode();
  return el.contains(activeElement) ? "inside" : `${activeElement?.outerHTML}`.slice(0, 200);
}"""
FREED = """import gc, weakref
watched = [weakref.ref(workbench), weakref.ref(head_map)]
session_watched = weakref.ref(session)
workbench.close(); head_map.close(); session.close()"""
STILL_OPEN = """sum(w.comm is not None and type(w).__module__.startswith("mechwidget")
    for w in __import__("ipywidgets").widgets.widget._instances.values())"""
HOOKS = """sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.model.modules())"""


class Host(Protocol):
    """A front end with `CELLS` in a notebook, and a kernel behind it.

    Attributes:
        name, version: as in the README's table.
        page: Playwright's.
        complaints: what the page has said in its console as an error, by now.
        pictures: the folder that pictures of this host go to.
        dark: does the host have a dark theme to follow?
    """

    name: str
    version: str
    page: Page
    complaints: list[str]
    pictures: Path
    dark: bool

    def run(self, cell: int) -> None:
        """Run a cell and wait until it has finished."""

    def output(self, cell: int) -> Locator:
        """What the output of a cell is shown in."""

    def execute(self, code: str) -> str:
        """Run code in the kernel, outside any cell; what it printed."""

    def python(self, expression: str) -> Any:
        """The value of an expression in the kernel, by way of JSON."""

    def set_theme(self, theme: str) -> None:
        """ "light" or "dark"."""

    def foreign_requests(self) -> list[str]:
        """Every address that was asked for on another machine."""


class ShownWorkbench(WorkbenchPage):
    """The workbench in a host's own kind of output."""

    def __init__(self, host: Host) -> None:
        self.notebook: Any = host
        self.page = host.page
        self.root = host.output(WORKBENCH).get_by_test_id("mw-workbench")

    def settle(self) -> None:
        """Wait until what is drawn is the answer to what was asked last."""
        expect(self.root).to_be_visible(timeout=TIMEOUT_MS)
        expect(self.root.locator(".mw-outcome[data-stale], [data-pending]")).to_have_count(0)
        revision = str(self.notebook.python("session.revision"))
        for said in ("data-mw-revision", "data-mw-outcome-revision"):
            expect(self.root).to_have_attribute(said, revision, timeout=TIMEOUT_MS)


class Contract:
    """Every host's items, in the order of the README's table.

    `NOT_APPLICABLE` of a subclass says of an item why it cannot be there in this host, `LIMITS`
    what it does not cover there.
    """

    NOT_APPLICABLE: ClassVar[dict[str, str]] = {}
    LIMITS: ClassVar[dict[str, str]] = {}
    shown_by: ClassVar[Host | None] = None

    @pytest.fixture(autouse=True)
    def _applies(self, host: Host, request: pytest.FixtureRequest) -> None:
        type(self).shown_by = host  # for the report
        item = request.node.originalname.removeprefix("test_")
        if reason := self.NOT_APPLICABLE.get(item):
            pytest.skip(f"not applicable: {reason}")

    @pytest.fixture
    def workbench(self, host: Host) -> ShownWorkbench:
        workbench = ShownWorkbench(host)
        workbench.settle()
        return workbench

    def test_render(self, host: Host) -> None:
        """Each view draws, with its own styles, and asks nothing of any other machine."""
        workbench = ShownWorkbench(host)
        workbench.settle()
        assert workbench.bars
        assert workbench.before == shown(host.python("session.baseline_metric_value"))
        head_map = host.output(HEAD_MAP).get_by_test_id("mw-view-head-map")
        expect(head_map.get_by_test_id("mw-cell-3-3")).to_be_visible(timeout=TIMEOUT_MS)
        assert workbench.get("mw-metric-before").evaluate(SHEETS_APPLY)[1]
        for view in (workbench.root, head_map):
            assert view.evaluate(CUT_OFF) == []
        assert host.foreign_requests() == []
        assert host.complaints == []

    def test_click(self, host: Host, workbench: ShownWorkbench) -> None:
        """One click ablates, in the kernel too; another restores; Python's edits are shown."""
        bars = workbench.bars
        workbench.click(0, 2)
        expect(workbench.cell(0, 2)).to_have_attribute("aria-pressed", "true")
        assert workbench.interventions() == ["Zero head 0.2"]
        assert workbench.bars != bars
        assert workbench.after == shown(host.python("session.metric_value"))
        workbench.click(0, 2)
        assert workbench.interventions() == []
        assert workbench.bars == bars

        host.execute("session.interventions = [mw.Ablate(mw.MLP(1))]")
        expect(workbench.mlp(1)).to_have_attribute("data-mark", "whole")
        host.execute("session.clear()")
        workbench.settle()
        assert workbench.ablated == set()

    def test_buffers(self, host: Host, workbench: ShownWorkbench) -> None:
        """Bytes arrive as they were sent, to the page and to the kernel."""
        workbench.cell(1, 2).hover()
        workbench.attention_shows(1, 2)
        readout = workbench.get("mw-attention-readout")
        expect(readout).to_contain_text(re.compile(r"reads .*\(\d+\) \d"), timeout=TIMEOUT_MS)
        query, key, weight = attention_read(readout.inner_text())
        pattern = host.python(
            'model.run(session.prompt, read=["pattern"]).read["pattern", 1][0, 2].tolist()'
        )
        assert abs(pattern[query][key] - weight) <= 0.005 + 1 / 255

        echo = host.output(ECHO).locator("[data-echo]")
        expect(echo).to_have_attribute("data-echo", "the same bytes", timeout=TIMEOUT_MS)

    def test_error(self, host: Host, workbench: ShownWorkbench) -> None:
        """What goes wrong in the kernel is said in the view; nothing is lost, the kernel lives."""
        workbench.edit_prompt("Paris " * 400)
        message = workbench.get("mw-prompt-error")
        expect(message).to_be_visible(timeout=TIMEOUT_MS)
        expect(message).to_contain_text("128")
        workbench.get("mw-prompt-input").press("Escape")
        assert host.python("session.prompt") == "The capital of France is"
        workbench.click(0, 1)
        assert workbench.interventions() == ["Zero head 0.1"]
        workbench.click(0, 1)

    def test_theme(self, host: Host, workbench: ShownWorkbench) -> None:
        """Light in a light page and dark in a dark one, on a ground of its own, while it lives."""
        host.pictures.mkdir(parents=True, exist_ok=True)
        for theme in ("dark", "light") if host.dark else ("light",):
            host.set_theme(theme)
            for cell, name in ((WORKBENCH, "workbench"), (HEAD_MAP, "head-map")):
                view = host.output(cell).locator(".mw").first
                expect(view).to_have_attribute("data-mw-theme", theme)
                label = view.get_by_role("button").first
                assert label.evaluate(GROUND_OF) == GROUNDS[theme]
                if cell == WORKBENCH:
                    expect(view).to_have_css("color-scheme", theme)
                view.scroll_into_view_if_needed()
                host.page.mouse.move(0, 0)
                view.screenshot(path=host.pictures / f"{name}-{theme}.png")
            host.page.screenshot(path=host.pictures / f"page-{theme}.png")

    def test_float(self, host: Host, workbench: ShownWorkbench) -> None:
        """Menus lie over the page, in sight, with their styles, and Esc gives the focus back."""
        cell = workbench.cell(1, 1)
        cell.scroll_into_view_if_needed()
        cell.click(button="right")
        menu = workbench.root.locator(".mw-menu:visible")
        expect(menu).to_be_visible()
        expect(menu).to_have_css("position", "fixed")
        assert menu.evaluate(ON_TOP)
        assert menu.evaluate(FOCUSED) == "inside"  # and no menu of the host's over it
        over = menu.evaluate(
            "el => [...el.children].some(one => one.scrollHeight > one.clientHeight + 1)"
        )
        assert not over, "an item of the menu is too low for its words"
        menu.screenshot(path=host.pictures / "menu.png")
        host.page.keyboard.press("Escape")
        expect(menu).to_have_count(0)

    def test_link(self, host: Host, workbench: ShownWorkbench) -> None:
        """A head that is locked in one view is shown in the other and known to Python."""
        head_map = host.output(HEAD_MAP).get_by_test_id("mw-view-head-map")
        head_map.get_by_test_id("mw-cell-2-3").click(modifiers=["Shift"])
        workbench.attention_shows(2, 3)
        selected = "[session.selection.component.layer, session.selection.component.head]"
        assert host.python(selected) == [2, 3]
        assert host.python("len(session.interventions)") == 0
        host.execute("session.select(mw.Head(1, 0))")
        workbench.attention_shows(1, 0)
        expect(head_map.get_by_test_id("mw-cell-1-0")).to_have_attribute("data-locked", "")
        host.execute("session.select()")
        expect(head_map.get_by_test_id("mw-cell-1-0")).not_to_have_attribute("data-locked", "")
        head_map.get_by_test_id("mw-cell-0-2").click()
        expect(workbench.cell(0, 2)).to_have_attribute("aria-pressed", "true")
        head_map.get_by_test_id("mw-cell-0-2").click()
        expect(workbench.cell(0, 2)).to_have_attribute("aria-pressed", "false")

    def test_close(self, host: Host, workbench: ShownWorkbench) -> None:
        """A view that is closed is off the page, and neither side keeps anything of it."""
        host.execute(FREED)
        expect(workbench.root).to_have_count(0, timeout=TIMEOUT_MS)
        expect(host.output(HEAD_MAP).get_by_test_id("mw-view-head-map")).to_have_count(0)
        assert host.python(HOOKS) == 0
        host.execute("echo.close()")
        assert host.python(STILL_OPEN) == 0
        assert host.complaints == []


def attention_read(words: str) -> tuple[int, int, float]:
    """Query and key position and the weight, from "·is (4) reads ·France (3) 0.52 …"."""
    found = re.search(r"\((\d+)\)\s+reads\s+\S*\s*\((\d+)\)\s+([\d.]+)", words)
    assert found, words
    return int(found[1]), int(found[2]), float(found[3])
