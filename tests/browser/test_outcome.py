"""Snapshots, what was tried, the list in detail and the script, as a person has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import VIEWPORT
from tests.browser.pictures import look
from tests.browser.workbench_page import WorkbenchPage, number, shown

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.browser

LONG = "When Mary and John went to the store, " * 6 + "John gave a drink to"


@pytest.fixture
def tall(workbench: WorkbenchPage) -> Iterator[WorkbenchPage]:
    """A workbench on a page that shows all of it, the details too."""
    workbench.page.set_viewport_size({"width": 1440, "height": 1500})
    yield workbench
    workbench.page.set_viewport_size(VIEWPORT)


def test_two_snapshots_are_compared_and_one_restored(tall: WorkbenchPage) -> None:
    workbench = tall
    workbench.click(1, 2)
    value = workbench.python("session.metric_value")
    workbench.get("mw-take-snapshot").click()
    rows = workbench.get("mw-snapshot")
    expect(rows).to_have_count(1)
    workbench.click(2, 1)
    workbench.mlp(1).click()
    workbench.settle()
    workbench.get("mw-take-snapshot").click()
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_have_attribute("data-current", "")
    for row in range(2):
        rows.nth(row).get_by_test_id("mw-snapshot-check").check()
    comparison = workbench.get("mw-comparison")
    expect(comparison).to_contain_text("Snapshot 1 → Snapshot 2")
    expect(comparison).to_contain_text("only Snapshot 2: Zero head 2.1, Zero MLP 1")
    kl = workbench.python("session.compare('Snapshot 1', 'Snapshot 2').outcome.kl")
    expect(comparison).to_contain_text("KL ")
    said = comparison.locator(".mw-comparison-numbers").inner_text()
    assert number(said.rpartition("KL ")[2]) == shown(kl)
    look(workbench.notebook, workbench.root, "view-outcome-snapshots")
    assert violations(workbench.page, workbench.selector) == []

    rows.nth(1).get_by_test_id("mw-snapshot-check").uncheck()
    workbench.get("mw-rename-snapshot").click()
    workbench.get("mw-name-field").fill("name mover")
    workbench.get("mw-name-field").press("Enter")
    expect(rows.nth(0)).to_contain_text("name mover")
    rows.nth(0).get_by_test_id("mw-snapshot-name").click()
    expect(rows.nth(0)).to_have_attribute("data-current", "")
    workbench.settle()
    assert workbench.interventions() == ["Zero head 1.2"]
    assert workbench.python("session.metric_value") == value
    expect(workbench.get("mw-undo")).to_have_attribute(
        "title", "Undo: Remove: Zero head 2.1 and 1 more (Ctrl+Z)"
    )
    workbench.get("mw-undo").click()
    workbench.settle()
    assert len(workbench.interventions()) == 3


def test_what_was_tried_is_a_click_away(workbench: WorkbenchPage) -> None:
    for head in range(3):
        workbench.click(1, head)
    trials = workbench.get("mw-trial")
    expect(trials).to_have_count(4)
    trials.nth(1).hover()
    expect(workbench.get("mw-trial-readout")).to_contain_text("2 of 4 · Zero head 1.0")
    trials.nth(1).click()
    expect(trials.nth(1)).to_have_attribute("aria-current", "true")
    workbench.settle()
    assert workbench.interventions() == ["Zero head 1.0"]
    workbench.page.keyboard.press("ArrowRight")
    expect(trials.nth(2)).to_be_focused()
    workbench.page.keyboard.press("Enter")
    expect(trials.nth(2)).to_have_attribute("aria-current", "true")
    workbench.settle()
    assert len(workbench.interventions()) == 2


def test_a_token_is_clicked_to_be_the_answer(workbench: WorkbenchPage) -> None:
    rows = workbench.get("mw-outcome-row")
    first, second = (rows.nth(n).get_attribute("data-token-id") for n in range(2))
    rows.nth(1).click()
    workbench.settle()
    rows.nth(0).click(modifiers=["Shift"])
    workbench.settle()
    spec = workbench.python("session.metric.to_json()")
    assert (spec["a"], spec["b"]) == (int(second or 0), int(first or 0))
    expect(rows.nth(1)).to_have_attribute("data-role", "answer")
    for printed, sign in (("logit", "+"), ("rank", "1"), ("probability", "%")):
        workbench.get(f"mw-printed-{printed}").click()
        expect(rows.nth(0).locator(".mw-before")).to_contain_text(sign)


def test_the_list_is_renamed_reordered_and_grouped(tall: WorkbenchPage) -> None:
    workbench, page = tall, tall.page
    for layer, head in ((1, 0), (1, 1), (2, 2)):
        workbench.click(layer, head)
    workbench.get("mw-tool-scale").click()
    workbench.click(0, 3)
    workbench.get("mw-tool-zero").click()
    expect(workbench.get("mw-row-0")).to_have_count(0)
    workbench.get("mw-details").click()
    row = workbench.get("mw-row-0")
    expect(row).to_contain_text("all tokens")
    expect(row.get_by_test_id("mw-row-fired")).to_contain_text("changed")

    row.get_by_test_id("mw-rename").click()
    workbench.get("mw-name-field").fill("the first")
    workbench.get("mw-name-field").press("Enter")
    expect(row).to_contain_text("the first")
    expect(row.get_by_test_id("mw-rename")).to_be_focused()
    assert workbench.python("list(session.names.values())") == ["the first"]

    grip = row.get_by_test_id("mw-grip")
    grip.focus()
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowDown")
    expect(workbench.get("mw-row-2")).to_contain_text("the first")
    expect(workbench.get("mw-row-2").get_by_test_id("mw-grip")).to_be_focused()
    workbench.settle()
    assert workbench.interventions()[2] == "Zero head 1.0"

    boxes = [workbench.get(f"mw-row-{n}").bounding_box() for n in (3, 0)]
    (x, start), (_, end) = [(b["x"] + 12, b["y"] + b["height"] / 2) for b in boxes if b]
    page.mouse.move(x, start)
    page.mouse.down()
    page.mouse.move(x, end - 8, steps=6)
    expect(workbench.get("mw-row-0")).to_have_attribute("data-drop", "before")
    page.mouse.up()
    expect(workbench.get("mw-row-0")).to_contain_text("Scale head 0.3")
    workbench.settle()
    assert workbench.interventions()[0] == "Scale head 0.3 by 0.5"

    for n in (0, 3):
        workbench.get(f"mw-row-{n}").get_by_test_id("mw-check").check()
    workbench.get("mw-group").click()
    group = workbench.root.locator(".mw-group-row")
    expect(group).to_contain_text("Group 1")
    workbench.settle()
    names = workbench.python("{k: [i.sentence for i in v] for k, v in session.groups.items()}")
    assert names == {"Group 1": ["Scale head 0.3 by 0.5", "Zero head 1.0"]}
    look(workbench.notebook, workbench.root, "view-interventions-details")
    assert violations(page, workbench.selector) == []
    group.get_by_test_id("mw-group-row-switch").click()
    expect(workbench.get("mw-row-0")).to_have_attribute("data-off", "")
    expect(workbench.get("mw-row-1")).to_have_attribute("data-off", "")
    workbench.settle()
    assert workbench.python("len(session.disabled)") == 2
    workbench.get("mw-undo").click()
    expect(workbench.get("mw-row-0")).not_to_have_attribute("data-off", "")
    workbench.get("mw-details").click()
    expect(workbench.root.locator(".mw-group-chip")).to_contain_text("Group 1")


def test_the_script_is_read_and_copied(workbench: WorkbenchPage) -> None:
    page = workbench.page
    workbench.click(1, 2)
    button = workbench.get("mw-as-code")
    button.click()
    dialog = workbench.get("mw-code-dialog")
    code = dialog.get_by_test_id("mw-code")
    expect(code).to_contain_text("mw.Ablate(mw.Head(1, 2))")
    page.keyboard.press("b")  # a letter is no command in here
    expect(workbench.root).not_to_have_attribute("data-baseline", "")
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_test_id("mw-code-tab-hooks")).to_be_focused()
    expect(code).to_contain_text("register_forward")
    look(workbench.notebook, dialog, "view-as-code")
    assert violations(page, f"{workbench.selector} [data-testid=mw-code-dialog]") == []
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog.get_by_test_id("mw-code-copy").click()
    expect(dialog).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == workbench.python(
        "session.code('hooks')"
    )
    for _ in range(12):  # focus stays inside
        page.keyboard.press("Tab")
        inside = dialog.evaluate(
            "el => el.contains(document.activeElement) || document.activeElement === document.body"
        )
        assert inside
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()


def test_fifty_edits_and_a_long_prompt(tall: WorkbenchPage) -> None:
    workbench = tall
    workbench.edit_prompt(LONG)
    workbench.settle()
    workbench.notebook.execute(
        "session.interventions = ["
        "*[mw.Scale(mw.Head(l, h, positions=[p]), 0.5) for l in range(4) for h in range(4)"
        " for p in (1, 3, 5)], mw.Ablate(mw.MLP(0, positions=list(range(20)))),"
        " mw.Scale(mw.MLP(1), 1)]"
    )
    expect(workbench.get("mw-chip-49")).to_have_count(1)
    workbench.settle()
    box = workbench.root.locator(".mw-interventions").bounding_box()
    assert box is not None
    assert box["height"] < 120
    workbench.get("mw-details").click()
    expect(workbench.get("mw-row-49").get_by_test_id("mw-row-fired")).to_have_text("did nothing")
    look(workbench.notebook, workbench.root, "view-interventions-fifty")
    workbench.get("mw-details").click()
