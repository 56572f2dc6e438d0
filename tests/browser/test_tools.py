"""The armed tool, positions, prompt B and strengths, as a person has them, and how they look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import RESULTS
from tests.browser.workbench_page import WorkbenchPage

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = pytest.mark.browser

ITALY = "The capital of Italy is"
LONG = "When Mary and John went to the store, " * 6 + "John gave a drink to"


def select(workbench: WorkbenchPage, *positions: int) -> None:
    for position in range(len(workbench.tokens)):
        token = workbench.get(f"mw-token-{position}")
        expect(token).to_have_attribute("aria-selected", str(position in positions).lower())


def applied(workbench: WorkbenchPage, cell: Locator, tone: str) -> None:
    expect(cell).to_have_attribute("data-tone", tone)
    workbench.settle()


def test_each_tool_edits_and_takes_back(workbench: WorkbenchPage) -> None:
    cell = workbench.cell(1, 2)
    for tool in ("mean", "resample", "patch"):
        expect(workbench.get(f"mw-tool-{tool}")).to_have_attribute("data-lacks", "")
    workbench.notebook.execute(
        "session.reference = ['The capital of Spain is', 'The capital of Japan is']"
    )
    workbench.get("mw-other-edit").click()
    workbench.get("mw-other-input").fill(ITALY)
    workbench.get("mw-other-input").press("Enter")
    expect(workbench.get("mw-other-4")).to_contain_text("Italy")
    expect(workbench.get("mw-strip-note")).to_contain_text("1 token differs")
    tools = {
        "mean": ("ablate", "Mean-ablate head 1.2 over 2 prompts"),
        "resample": ("ablate", "Resample head 1.2 from one of 2 prompts (seed 0)"),
        "scale": ("steer", "Scale head 1.2 by 0.5"),
        "patch": ("patch", f"Patch head 1.2 from “{ITALY}”"),
    }
    for tool, (tone, sentence) in tools.items():
        workbench.get(f"mw-tool-{tool}").click()
        cell.click()
        applied(workbench, cell, tone)
        assert workbench.interventions() == [sentence]
        cell.click()
        expect(workbench.get("mw-chip-0")).to_have_count(0)
        workbench.settle()
        assert workbench.interventions() == []
    workbench.get("mw-undo").click()
    expect(workbench.get("mw-chip-0")).to_contain_text("Patch head 1.2")
    workbench.get("mw-tool-zero").click()


def test_a_refusal_says_what_to_do(workbench: WorkbenchPage) -> None:
    workbench.cell(0, 0).focus()
    workbench.page.keyboard.press("m")
    workbench.page.keyboard.press("Enter")
    expect(workbench.get("mw-error")).to_contain_text("session.reference")
    expect(workbench.get("mw-chip-0")).to_have_count(0)
    workbench.page.keyboard.press("v")
    workbench.page.keyboard.press("Enter")
    expect(workbench.get("mw-attention-lock")).to_have_attribute("aria-pressed", "true")
    workbench.page.keyboard.press("Escape")
    workbench.page.keyboard.press("z")
    expect(workbench.get("mw-tool-zero")).to_have_attribute("aria-pressed", "true")


def test_positions_are_clicked_and_dragged_and_limit_the_next_edit(
    workbench: WorkbenchPage,
) -> None:
    page = workbench.page
    workbench.get("mw-token-2").click()
    select(workbench, 2)
    workbench.get("mw-token-4").click(modifiers=["Shift"])
    select(workbench, 2, 3, 4)
    workbench.get("mw-token-3").click(modifiers=["ControlOrMeta"])
    select(workbench, 2, 4)
    boxes = [workbench.get(f"mw-token-{at}").bounding_box() for at in (1, 3)]
    (x, y), (to_x, to_y) = [(b["x"] + b["width"] / 2, b["y"] + 8) for b in boxes if b]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(to_x, to_y, steps=8)
    page.mouse.up()
    select(workbench, 1, 2, 3)
    expect(workbench.get("mw-strip-note")).to_contain_text("edits at 1\N{EN DASH}3")
    workbench.cell(1, 2).click()
    expect(workbench.cell(1, 2)).to_have_attribute("data-mark", "part")
    workbench.settle()
    assert workbench.python("list(session.interventions[0].component.positions)") == [1, 2, 3]
    workbench.cell(1, 2).click()
    workbench.settle()
    assert workbench.interventions() == []
    workbench.page.keyboard.press("Escape")
    select(workbench)


def test_a_strength_is_dragged_and_undone_as_one_step(workbench: WorkbenchPage) -> None:
    page = workbench.page
    workbench.get("mw-tool-scale").click()
    workbench.cell(1, 1).click()
    workbench.settle()
    slider = workbench.get("mw-chip-strength")
    box = slider.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=12)
    workbench.settle()
    assert slider.bounding_box() == box, "it stays under the hand"
    page.mouse.move(box["x"] + box["width"] - 2, y, steps=12)
    page.mouse.up()
    expect(workbench.get("mw-chip-0")).to_contain_text("Scale head 1.1 by 2")
    workbench.settle()
    assert workbench.python("session.interventions[0].factor") == 2
    workbench.get("mw-undo").click()
    expect(workbench.get("mw-chip-0")).to_contain_text("Scale head 1.1 by 0.5")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(workbench.get("mw-chip-0")).to_contain_text("Scale head 1.1 by 0.55")
    expect(slider).to_be_focused()
    workbench.get("mw-tool-zero").click()


def test_the_baseline_is_held(workbench: WorkbenchPage) -> None:
    workbench.click(1, 2)
    edited, baseline = workbench.after, workbench.before
    assert edited != baseline
    workbench.page.keyboard.down("b")
    expect(workbench.root).to_have_attribute("data-baseline", "")
    assert workbench.after == baseline
    workbench.page.keyboard.up("b")
    expect(workbench.root).not_to_have_attribute("data-baseline", "")
    assert workbench.after == edited
    box = workbench.get("mw-baseline").bounding_box()
    assert box is not None
    workbench.page.mouse.move(box["x"] + 5, box["y"] + 5)
    workbench.page.mouse.down()
    expect(workbench.root).to_have_attribute("data-baseline", "")
    workbench.page.mouse.up()
    expect(workbench.root).not_to_have_attribute("data-baseline", "")
    assert workbench.interventions() == ["Zero head 1.2"]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_pictures(workbench: WorkbenchPage, theme: str) -> None:
    """Short and long prompts, wide and narrow, with every kind of edit: for a person to look at."""
    page = workbench.page
    RESULTS.mkdir(exist_ok=True)
    workbench.notebook.set_theme(f"JupyterLab {theme}")
    try:
        for name, prompt, other in (
            ("short", "The capital of France is", ITALY),
            ("three", "The cat", "The dog sat"),
            ("long", LONG, LONG.replace("John gave", "Mary gave")),
        ):
            workbench.execute(
                f"session.clear(); session.prompt = {prompt!r}; session.other_prompt = {other!r}\n"
                f"session.interventions = [mw.Ablate(mw.Head(1, 2)), mw.Scale(mw.MLP(1), 0.5), "
                f"mw.Ablate(mw.Head(0, 1), 'mean', over=['The capital of Spain is']), "
                f"mw.Patch(mw.Head(2, 3, positions=(1,)), {other!r})]"
            )
            workbench.get("mw-token-1").click()
            for width in (1440, 760):
                page.set_viewport_size({"width": width, "height": 1100})
                workbench.settle()
                page.wait_for_timeout(300)
                picture = RESULTS / f"tools-{name}-{width}-{theme.lower()}.png"
                workbench.root.screenshot(path=picture)
    finally:
        page.set_viewport_size({"width": 1440, "height": 1000})
        workbench.notebook.set_theme("JupyterLab Light")
