"""The token strip as a person uses it: odd tokens, positions, prompts, answers searched for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import RESULTS, SETUP

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook_page import NotebookPage

pytestmark = pytest.mark.browser

SESSION = f"{SETUP}\nsession = mw.Session(model, 'The capital of France is')"
ODD = "Café 🎉 \u202e\u200b naïve\t<img src=x onerror=alert(1)>"
STORY = "When Mary and John went to the store, John gave a drink to"
LONG = " ".join([STORY] * 5)
OTHER = STORY.replace("the store, John", "the big old store, Mary")


def strip_of(notebook: NotebookPage) -> Locator:
    return notebook.page.get_by_test_id("mw-view-token-strip")


def becomes(notebook: NotebookPage, expression: str, value: object) -> None:
    """Wait for the kernel: the page paints what was wished for before it has agreed."""
    for _ in range(100):
        if notebook.python(expression) == value:
            return
        notebook.page.wait_for_timeout(100)
    assert notebook.python(expression) == value


def opened(open_notebook: OpenNotebook) -> tuple[NotebookPage, Locator]:
    notebook = open_notebook(SESSION, "view = mw.TokenStrip(session)\nview")
    notebook.run_cell(0)
    notebook.run_cell(1)
    strip = strip_of(notebook)
    expect(strip).to_have_attribute("data-mw-status", "live", timeout=20_000)
    return notebook, strip


def test_a_person_at_the_token_strip(open_notebook: OpenNotebook) -> None:
    notebook, strip = opened(open_notebook)
    page = notebook.page
    get = strip.get_by_test_id

    # Positions, by keyboard alone.
    get("mw-token-1").focus()
    for key in ("ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    expect(get("mw-strip-note")).to_contain_text("edits at 2\N{EN DASH}4")
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(get("mw-strip-note")).to_contain_text("edits at 0, 2\N{EN DASH}4")
    page.keyboard.press("Escape")
    expect(get("mw-token-2")).to_have_attribute("aria-selected", "false")

    # An answer and a distractor from the vocabulary.
    answer, distractor = get("mw-metric-answer"), get("mw-metric-distractor")
    answer.click()
    expect(get("mw-metric-answer-list").get_by_role("option")).to_have_count(50)
    answer.press_sequentially("Paris")
    best = get("mw-metric-answer-list").get_by_role("option").first
    expect(best).to_contain_text("·Paris")
    expect(best).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(answer).to_have_value("·Paris")
    distractor.click()
    distractor.press_sequentially("Ro")
    get("mw-metric-distractor-list").get_by_role("option", name="·Rome").click()
    expect(distractor).to_have_value("·Rome")
    becomes(notebook, "session.metric == mw.LogitDiff(' Paris', ' Rome')", True)
    strip.get_by_role("button", name="Swap answer and distractor").click()
    expect(answer).to_have_value("·Rome")
    becomes(notebook, "session.metric == mw.LogitDiff(' Rome', ' Paris')", True)

    # Text that is several tokens: which, and the first of them.
    answer.click()
    answer.fill("·Tokyo Paris")
    pieces = get("mw-metric-answer-list").get_by_role("option").first
    expect(pieces).to_contain_text("2 tokens: ·Tokyo·Paris")
    page.keyboard.press("Enter")
    expect(get("mw-metric-error")).to_contain_text("is not one token")
    get("mw-metric-answer-first").click()
    expect(answer).to_have_value("·Tokyo")
    becomes(notebook, "session.metric.a", " Tokyo")

    # Reference prompts, mended on the page.
    get("mw-reference-edit").click()
    get("mw-reference-input").fill("The capital of Spain is\nThe capital of Italy is")
    page.keyboard.press("Control+Enter")
    expect(get("mw-reference-edit")).to_have_text("2 reference prompts")
    becomes(
        notebook,
        "list(session.reference)",
        [
            "The capital of Spain is",
            "The capital of Italy is",
        ],
    )

    # Prompts of before, also those from Python, also after the cell has run again.
    notebook.execute("session.prompt = 'The capital of Japan is'")
    get("mw-prompt-edit").click()
    get("mw-prompt-input").fill("The dog")
    page.keyboard.press("Enter")
    expect(get("mw-prompt-input")).to_be_hidden()
    notebook.run_cell(1)
    expect(strip).to_have_count(1)
    expect(strip).to_have_attribute("data-mw-status", "live")
    get("mw-recent-open").click()
    texts = page.get_by_role("menuitemradio")
    expect(texts).to_have_text(["The dog", "The capital of Japan is", "The capital of France is"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(get("mw-token-4")).to_contain_text("Japan")
    becomes(notebook, "session.prompt", "The capital of Japan is")

    # Prompt B: inserted tokens, partners that light up, and the two changing places.
    notebook.execute(f"session.prompt = {STORY!r}; session.other_prompt = {OTHER!r}")
    expect(get("mw-strip-note")).to_contain_text("B is")
    get("mw-other-2").hover()
    expect(get("mw-token-2")).to_have_attribute("data-lit", "")
    get("mw-other-swap").click()
    expect(get("mw-strip-note")).to_contain_text("shorter")
    becomes(notebook, "session.other_prompt", STORY)

    # What an odd token is made of.
    notebook.execute(f"session.other_prompt = None; session.prompt = {ODD!r}")
    shared = strip.locator("[data-token][data-unseen]").first
    shared.hover()
    detail = strip.get_by_role("tooltip")
    expect(detail).to_be_visible()
    expect(detail).to_contain_text("position")
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0


def test_a_token_without_its_space_is_mended(open_notebook: OpenNotebook) -> None:
    """On a vocabulary of 100,000 that has both: the answer that was meant is a click away."""
    notebook = open_notebook(SPACED, "mw.TokenStrip(session)")
    notebook.run_cell(0)
    notebook.run_cell(1)
    get = strip_of(notebook).get_by_test_id
    expect(get("mw-metric-warning")).to_be_visible(timeout=20_000)
    get("mw-metric-answer-spaced").click()
    expect(get("mw-metric-answer")).to_have_value("·a")
    expect(get("mw-metric-warning")).to_have_count(0)
    becomes(notebook, "session.metric.token", " a")

    # Three thousand tokens, and as many of a B: a few lines, a hundred to a block, all reachable.
    notebook.execute("ids = [3 + i % 3 for i in range(3000)]; session.metric = None")
    notebook.execute("session.prompt = ids; session.other_prompt = [5, *ids[:1400], *ids[1410:]]")
    expect(get("mw-strip-note")).to_contain_text("3,000 tokens", timeout=20_000)
    get("mw-token-7").hover()
    expect(get("mw-token-7")).to_have_attribute("data-lit", "")
    get("mw-token-7").focus()
    notebook.page.keyboard.press("End")
    expect(get("mw-token-2999")).to_be_focused()
    expect(get("mw-token-2999")).to_be_in_viewport()
    notebook.page.keyboard.press("Shift+ArrowUp")
    expect(get("mw-strip-note")).to_contain_text("\N{EN DASH}2999")
    RESULTS.mkdir(exist_ok=True)
    strip_of(notebook).screenshot(path=RESULTS / "view-tokens-thousands-light.png")


SPACED = """import torch, mechwidget as mw
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
pieces = ["[unk]", "Ġ", "a", "b", "Ġa", "Ġb", *(f"word{i}" for i in range(100_000))]
backend = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)},
                               [("Ġ", "a"), ("Ġ", "b")], unk_token="[unk]"))
backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[unk]")
for seed in range(20):
    torch.manual_seed(seed)
    model = mw.wrap(GPT2LMHeadModel(GPT2Config(
        vocab_size=len(pieces), n_positions=3000, n_embd=8, n_layer=1, n_head=2,
        initializer_range=0.5, bos_token_id=0, eos_token_id=0)).eval(), tokenizer, name="spaced")
    session = mw.Session(model, "a b a", mw.Probability("a"))
    logits = session.baseline.logits[0, 0]
    if logits[4] > logits[2]:
        break
"""


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_pictures(open_notebook: OpenNotebook, theme: str) -> None:
    """Short, three tokens, long, with a B, odd ones, searching: for a person to look at."""
    notebook, strip = opened(open_notebook)
    page = notebook.page
    get = strip.get_by_test_id
    notebook.set_theme(f"JupyterLab {theme}")
    RESULTS.mkdir(exist_ok=True)

    wrong = []

    def picture(name: str) -> None:
        if "hover" not in name:
            page.mouse.move(5, 5)
        page.wait_for_timeout(250)
        path = RESULTS / f"view-tokens-{name}-{theme.lower()}.png"
        page.screenshot(path=path, clip={"x": 0, "y": 0, "width": 1440, "height": 620})
        found = violations(page, "[data-testid=mw-view-token-strip]")
        wrong.extend(f"{name}: {line}" for line in found)

    for name, prompt, other in (
        ("short", STORY, None),
        ("three", "The cat", None),
        ("long", LONG, None),
        ("b", STORY, OTHER),
        ("long-b", LONG, LONG.replace("a drink", "one very cold drink")),
        ("odd", ODD, None),
    ):
        notebook.execute(f"session.prompt = {prompt!r}; session.other_prompt = {other!r}")
        expect(get("mw-token-0")).to_be_visible()
        picture(name)
    strip.locator("[data-token][data-unseen]").nth(1).hover()
    picture("odd-hover")
    notebook.execute(f"session.prompt = {STORY!r}; session.metric = mw.LogitDiff(' Mary', ' John')")
    get("mw-metric-answer").click()
    get("mw-metric-answer").press_sequentially("to")
    expect(get("mw-metric-answer-list").get_by_role("option").first).to_be_visible()
    picture("search")
    page.keyboard.press("Escape")
    get("mw-recent-open").click()
    expect(page.get_by_role("menuitemradio").nth(3)).to_be_visible()
    picture("recent")
    assert wrong == []
