"""One click ablates, another restores: the page, the numbers and Python always say the same."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.workbench_page import WorkbenchPage, shown

pytestmark = pytest.mark.browser

Heads = list[tuple[int, int]]


def agrees_with_python(workbench: WorkbenchPage) -> None:
    """What is printed is what the session answers in the kernel."""
    before, after = workbench.python("[session.baseline_metric_value, session.metric_value]")
    assert workbench.before == shown(before)
    assert workbench.after == shown(after)


def test_click_ablates_and_click_restores(workbench: WorkbenchPage, strong: Heads) -> None:
    layer, head = strong[0]
    bars, after = workbench.bars, workbench.after
    assert workbench.interventions() == []
    expect(workbench.cell(layer, head)).to_have_attribute("aria-pressed", "false")

    workbench.click(layer, head)
    expect(workbench.cell(layer, head)).to_have_attribute("aria-pressed", "true")
    assert workbench.ablated == {f"mw-cell-{layer}-{head}"}
    assert workbench.interventions() == [f"Zero head {layer}.{head}"]
    assert workbench.bars != bars
    assert workbench.after != after
    assert workbench.before == after
    agrees_with_python(workbench)

    workbench.click(layer, head)
    expect(workbench.cell(layer, head)).to_have_attribute("aria-pressed", "false")
    assert workbench.interventions() == []
    assert workbench.bars == bars
    agrees_with_python(workbench)


def test_click_on_an_mlp(workbench: WorkbenchPage) -> None:
    bars = workbench.bars
    workbench.mlp(0).click()
    workbench.settle()
    assert workbench.interventions() == ["Zero MLP 0"]
    assert workbench.ablated == {"mw-mlp-0"}
    assert workbench.bars != bars


def test_python_ablates_and_the_head_looks_ablated(workbench: WorkbenchPage, strong: Heads) -> None:
    (layer, head), (other_layer, other_head) = strong[:2]
    bars = workbench.bars
    workbench.execute(f"session.interventions = [mw.Ablate(mw.Head({layer}, {head}))]")
    expect(workbench.cell(layer, head)).to_have_attribute("data-mark", "whole")
    assert workbench.bars != bars
    agrees_with_python(workbench)

    workbench.notebook.execute(f"session.ablate(mw.Head({other_layer}, {other_head}))")
    expect(workbench.cell(other_layer, other_head)).to_have_attribute("data-mark", "whole")
    workbench.execute("session.clear()")
    assert workbench.ablated == set()
    assert workbench.bars == bars


def test_undo_and_redo_by_button_and_by_key(workbench: WorkbenchPage, strong: Heads) -> None:
    (layer, head), (other_layer, other_head) = strong[:2]
    first, second = f"Zero head {layer}.{head}", f"Zero head {other_layer}.{other_head}"
    expect(workbench.get("mw-undo")).to_be_disabled()
    bars = [workbench.bars]
    workbench.click(layer, head)
    bars.append(workbench.bars)
    workbench.click(other_layer, other_head)
    bars.append(workbench.bars)

    workbench.get("mw-undo").click()
    expect(workbench.cell(other_layer, other_head)).not_to_have_attribute("data-mark", "whole")
    workbench.settle()
    assert (workbench.interventions(), workbench.bars) == ([first], bars[1])
    workbench.cell(layer, head).focus()
    workbench.page.keyboard.press("Control+z")
    expect(workbench.cell(layer, head)).not_to_have_attribute("data-mark", "whole")
    workbench.settle()
    assert (workbench.interventions(), workbench.bars) == ([], bars[0])

    workbench.page.keyboard.press("Control+Shift+z")
    expect(workbench.cell(layer, head)).to_have_attribute("data-mark", "whole")
    workbench.settle()
    assert (workbench.interventions(), workbench.bars) == ([first], bars[1])
    workbench.get("mw-redo").click()
    expect(workbench.cell(other_layer, other_head)).to_have_attribute("data-mark", "whole")
    workbench.settle()
    assert (workbench.interventions(), workbench.bars) == ([first, second], bars[2])
    expect(workbench.get("mw-redo")).to_be_disabled()


def test_switch_cross_and_clear(workbench: WorkbenchPage, strong: Heads) -> None:
    (layer, head), (other_layer, other_head) = strong[:2]
    untouched = workbench.bars
    workbench.click(layer, head)
    alone = workbench.bars
    workbench.click(other_layer, other_head)

    second = workbench.get("mw-chip-1")
    second.get_by_test_id("mw-chip-switch").click()
    expect(second.get_by_test_id("mw-chip-switch")).to_have_attribute("aria-checked", "false")
    expect(workbench.cell(other_layer, other_head)).to_have_attribute("data-mark", "off")
    workbench.settle()
    assert workbench.bars == alone
    assert workbench.python("[len(session.interventions), len(session.disabled)]") == [2, 1]

    second.get_by_test_id("mw-chip-switch").click()
    expect(workbench.cell(other_layer, other_head)).to_have_attribute("data-mark", "whole")
    workbench.get("mw-chip-0").get_by_test_id("mw-chip-remove").click()
    expect(workbench.cell(layer, head)).not_to_have_attribute("data-mark", "whole")
    workbench.settle()
    assert workbench.interventions() == [f"Zero head {other_layer}.{other_head}"]

    workbench.get("mw-clear").click()
    expect(workbench.get("mw-chip-0")).to_have_count(0)
    workbench.settle()
    assert workbench.interventions() == []
    assert workbench.bars == untouched


def test_keyboard_alone_ablates(workbench: WorkbenchPage) -> None:
    """Tab reaches the grid once; arrows walk it; Enter ablates and restores."""
    keyboard = workbench.page.keyboard
    workbench.get("mw-prompt-edit").focus()
    for _ in range(20):
        keyboard.press("Tab")
        if workbench.page.evaluate("document.activeElement.dataset.testid") == "mw-cell-0-0":
            break
    expect(workbench.cell(0, 0)).to_be_focused()
    keyboard.press("ArrowDown")
    keyboard.press("ArrowRight")
    expect(workbench.cell(1, 1)).to_be_focused()
    workbench.attention_shows(1, 1)
    keyboard.press("Enter")
    expect(workbench.cell(1, 1)).to_have_attribute("aria-pressed", "true")
    workbench.settle()
    assert workbench.interventions() == ["Zero head 1.1"]
    keyboard.press("Space")
    expect(workbench.cell(1, 1)).to_have_attribute("aria-pressed", "false")
    workbench.settle()
    assert workbench.interventions() == []


def test_thirty_rapid_clicks_end_in_the_state_of_the_last(
    workbench: WorkbenchPage, strong: Heads
) -> None:
    """Heads in turn, faster than the kernel answers: an odd number of clicks leaves one ablated."""
    heads = strong[:4]
    clicks = [heads[i % 4] for i in range(27)] + [heads[0]] * 3
    workbench.page.evaluate(
        """ids => ids.forEach(id => document.querySelector(`[data-testid=${id}]`).click())""",
        [f"mw-cell-{layer}-{head}" for layer, head in clicks],
    )
    left = {head for head in heads if clicks.count(head) % 2}
    expected = {f"mw-cell-{layer}-{head}" for layer, head in left}
    workbench.settle()
    assert workbench.ablated == expected
    sentences = {f"Zero head {layer}.{head}" for layer, head in left}
    assert set(workbench.interventions()) == sentences
    agrees_with_python(workbench)

    for layer, head in clicks[:10]:  # and at the speed of a real mouse
        workbench.cell(layer, head).click()
    workbench.settle()
    agrees_with_python(workbench)
