"""Looking at heads, editing the question, and how it all looks in light and in dark."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from mechwidget.microcosm import phenomena
from tests.browser.conftest import RESULTS
from tests.browser.pictures import THEMES
from tests.browser.workbench_page import WorkbenchPage, shown

pytestmark = pytest.mark.browser

PICTURE = Path(__file__).parent / "workbench.png"


def test_hover_previews_and_lock_holds(workbench: WorkbenchPage) -> None:
    workbench.cell(1, 2).hover()
    workbench.attention_shows(1, 2)
    workbench.cell(2, 3).hover()
    workbench.attention_shows(2, 3)
    assert workbench.interventions() == []

    lock = workbench.get("mw-attention-lock")
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "true")
    workbench.cell(0, 0).hover()
    workbench.attention_shows(2, 3)

    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "false")
    workbench.cell(0, 0).hover()
    workbench.attention_shows(0, 0)


def test_escape_unlocks(workbench: WorkbenchPage) -> None:
    workbench.cell(1, 0).focus()
    workbench.page.keyboard.press("l")
    expect(workbench.get("mw-attention-lock")).to_have_attribute("aria-pressed", "true")
    workbench.page.keyboard.press("Escape")
    expect(workbench.get("mw-attention-lock")).to_have_attribute("aria-pressed", "false")


def test_token_strip_shows_text_and_ids(workbench: WorkbenchPage) -> None:
    ids = workbench.python("session.baseline.tokens.ids")
    shown = workbench.root.locator("[data-token] .mw-token-id").all_inner_texts()
    assert [int(text) for text in shown] == ids
    assert "".join(workbench.tokens[1:]).replace("·", " ").strip() == "The capital of France is"


def test_edit_the_prompt(workbench: WorkbenchPage) -> None:
    bars, revision = workbench.bars, workbench.revision
    workbench.edit_prompt("The capital of Italy is")
    expect(workbench.get("mw-prompt-input")).to_be_hidden()
    workbench.settle()
    assert workbench.revision > revision
    assert workbench.python("session.prompt") == "The capital of Italy is"
    assert "Italy" in "".join(workbench.tokens)
    assert workbench.bars != bars
    assert workbench.bars[0].startswith("·Rome")

    workbench.get("mw-prompt-edit").click()
    workbench.get("mw-prompt-input").fill("nothing of the kind")
    workbench.get("mw-prompt-input").press("Escape")
    expect(workbench.get("mw-prompt-input")).to_be_hidden()
    assert workbench.python("session.prompt") == "The capital of Italy is"


def test_python_changes_prompt_and_metric(workbench: WorkbenchPage) -> None:
    workbench.notebook.execute(
        "session.prompt = 'The capital of Japan is'; session.metric = mw.Probability(' Tokyo')"
    )
    expect(workbench.get("mw-metric-answer")).to_have_value("·Tokyo")
    workbench.settle()
    assert "Japan" in "".join(workbench.tokens)
    assert workbench.get("mw-metric-after").inner_text().endswith("%")


def test_change_the_metric_on_the_page(workbench: WorkbenchPage) -> None:
    revision = workbench.revision
    field = workbench.get("mw-metric-distractor")
    field.fill("·Berlin")
    field.press("Enter")
    expect(workbench.root).not_to_have_attribute("data-mw-revision", str(revision))
    workbench.settle()
    assert workbench.python("session.metric.b").strip() == "Berlin"
    before, after = workbench.python("[session.baseline_metric_value, session.metric_value]")
    assert (workbench.before, workbench.after) == (shown(before), shown(after))


def luminance(workbench: WorkbenchPage) -> float:
    """Of the ground that the workbench stands on, 0 (black) to 1 (white)."""
    colour = workbench.root.evaluate(
        """root => {
          let node = root, colour;
          do { colour = getComputedStyle(node).backgroundColor; node = node.parentElement; }
          while (/, 0\\)$/.test(colour) && node);
          return colour;
        }"""
    )
    red, green, blue = [float(part) for part in colour.strip("rgba()").split(",")[:3]]
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


@pytest.mark.parametrize("theme", THEMES)
def test_screenshot(workbench: WorkbenchPage, theme: str) -> None:
    """The widget follows the theme, live; the light picture is the README's."""
    ask_for_induction(workbench)
    workbench.notebook.set_theme(THEMES[theme])
    holder = workbench.root.locator("xpath=ancestor-or-self::*[@data-mw-theme][1]")
    expect(holder).to_have_attribute("data-mw-theme", theme)
    try:
        assert (luminance(workbench) > 0.8) if theme == "light" else (luminance(workbench) < 0.2)
        RESULTS.mkdir(exist_ok=True)
        wanted = os.environ.get("SCREENSHOT") and theme == "light"
        workbench.root.screenshot(path=PICTURE if wanted else RESULTS / f"workbench-{theme}.png")
    finally:
        workbench.notebook.set_theme(THEMES["light"])


def ask_for_induction(workbench: WorkbenchPage) -> None:
    """Eight words come round twice, and the head that looks one token back is ablated."""
    example = phenomena()["examples"]["repeat"]
    answer, foil = f" {example['answer']}", f" {example['foil']}"
    workbench.notebook.execute(f"session.prompt = {example['prompt']!r}")
    workbench.notebook.execute(f"session.metric = mw.LogitDiff({answer!r}, {foil!r})")
    expect(workbench.get("mw-metric-answer")).to_have_value(answer.replace(" ", "·"))
    workbench.settle()
    effects_are_in(workbench)
    layer, head = phenomena()["heads"]["previous_token"].removeprefix("L").split("H")
    workbench.click(int(layer), int(head))


def effects_are_in(workbench: WorkbenchPage) -> None:
    """Every cell of the head map has its number."""
    expect(workbench.root.locator(".mw-cell[data-unknown]")).to_have_count(0, timeout=20_000)


def test_picture_for_the_readme_is_there_and_small() -> None:
    assert PICTURE.is_file(), "make screenshot"
    assert PICTURE.stat().st_size <= 250 * 1024
