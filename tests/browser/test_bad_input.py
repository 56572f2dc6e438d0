"""Whatever a person types, the widget says what was wrong; the kernel lives and nothing is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.workbench_page import WorkbenchPage

pytestmark = pytest.mark.browser


@pytest.fixture
def intact(workbench: WorkbenchPage, strong: list[tuple[int, int]]):
    """A workbench with one head off; at the end everything about it is as it was."""
    layer, head = strong[0]
    workbench.click(layer, head)
    before = (workbench.bars, workbench.tokens, workbench.interventions(), workbench.ablated)
    yield workbench
    workbench.page.keyboard.press("Escape")
    workbench.settle()
    after = (workbench.bars, workbench.tokens, workbench.interventions(), workbench.ablated)
    assert after == before
    assert workbench.python("session.prompt") == "The capital of France is"
    workbench.click(layer, head)  # and the next click works
    assert workbench.interventions() == []


PROMPTS = {
    "empty": ("", "empty"),
    "past the context length": ("Paris " * 400, "128"),
}


@pytest.mark.parametrize("case", PROMPTS.values(), ids=PROMPTS.keys())
def test_bad_prompt(intact: WorkbenchPage, case: tuple[str, str]) -> None:
    text, word = case
    intact.edit_prompt(text)
    message = intact.get("mw-prompt-error")
    expect(message).to_be_visible()
    expect(message).to_contain_text(word)
    expect(intact.get("mw-prompt-input")).to_have_value(text)  # what was typed is still there


def test_metric_token_that_is_not_one_token(intact: WorkbenchPage) -> None:
    field = intact.get("mw-metric-distractor")
    field.fill("·Zanzibar·of·old")
    field.press("Enter")
    message = intact.get("mw-metric-error")
    expect(message).to_be_visible()
    expect(message).to_contain_text("token")
    field.press("Escape")
    expect(message).to_have_count(0)


def test_head_that_does_not_exist(intact: WorkbenchPage) -> None:
    """The page offers none, so the wish is put in by hand, over the widget's own channel."""
    said = intact.notebook.execute(
        """
try:
    session.ablate(mw.Head(99, 0))
except mw.MechwidgetError as error:
    print(type(error).__name__, error.message)
"""
    )
    assert "ComponentError" in said
    assert "99" in said
