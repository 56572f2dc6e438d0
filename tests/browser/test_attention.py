"""The attention view: many heads and one, matrix and arcs, edges cut and restored, long prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import RESULTS, SETUP
from tests.browser.pictures import look

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import OpenNotebook
    from tests.browser.notebook_page import NotebookPage

pytestmark = pytest.mark.browser

PROMPT = "lamp Tuesday seven Oslo bird clean Tom kite lamp Tuesday seven Oslo bird clean Tom"
SESSION = f"{SETUP}\nsession = mw.Session(model, {PROMPT!r})"
SHOW = "view = mw.AttentionView(session)\nview"
TIMEOUT_MS = 20_000

# A model that takes long prompts, with heads that share keys and values.
LONG = """import torch, transformers
from tokenizers import Tokenizer, models, pre_tokenizers
words = ["[unk]"] + [f"word{i}" for i in range(40)]
tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[unk]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[unk]")
torch.manual_seed(0)
llama = transformers.LlamaForCausalLM(transformers.LlamaConfig(
    vocab_size=len(words), hidden_size=64, intermediate_size=96, num_hidden_layers=3,
    num_attention_heads=8, num_key_value_heads=2, initializer_range=0.3)).eval()
import mechwidget as mw
text = " ".join(f"word{(7 * i + i * i) % 40}" for i in range(300))
session = mw.Session(mw.wrap(llama, tokenizer, name="long"), text)
sent = []
class Counted(mw.AttentionView):
    def send(self, content, buffers=None):
        sent.append(sum(map(len, buffers or [])))
        super().send(content, buffers)
view = Counted(session)
view"""


def opened(open_notebook: OpenNotebook, *cells: str) -> tuple[NotebookPage, Locator]:
    notebook = open_notebook(*cells)
    notebook.page.set_viewport_size({"width": 1200, "height": 1300})
    for index in range(len(cells)):
        notebook.run_cell(index)
    shown = notebook.page.get_by_test_id("mw-view-attention")
    expect(shown).to_have_attribute("data-mw-outcome-revision", "0", timeout=TIMEOUT_MS)
    return notebook, shown


def test_many_heads_one_head_and_its_edges(open_notebook: OpenNotebook) -> None:
    notebook, shown = opened(open_notebook, SESSION, SHOW)
    page = notebook.page
    readout = shown.get_by_test_id("mw-attention-readout")
    expect(readout).to_contain_text("reads")

    # All heads of a layer on one scale; the cell under the pointer lights up in all of them.
    shown.get_by_test_id("mw-attention-layer").click()
    picture = shown.get_by_test_id("mw-thumbnail-0-2").locator("img")
    expect(shown.locator(".mw-thumbnail")).to_have_count(4)
    expect(shown.locator(".mw-attention")).not_to_have_attribute("data-waiting", "")
    picture.hover(position={"x": 8, "y": 100})
    expect(shown.get_by_test_id("mw-multiples-readout")).to_contain_text("head 0.2")
    expect(shown.locator(".mw-thumbnail-lit:visible")).to_have_count(4)
    look(notebook, shown, "view-attention-layer")
    shown.get_by_test_id("mw-thumbnail-0-3").click(modifiers=["Control"])
    shown.get_by_test_id("mw-attention-model").click()
    expect(shown.locator(".mw-thumbnail")).to_have_count(16)
    expect(shown.locator(".mw-attention")).not_to_have_attribute("data-waiting", "")
    shown.get_by_test_id("mw-thumbnail-3-1").click(modifiers=["Control"])
    look(notebook, shown, "view-attention-model")
    shown.get_by_test_id("mw-attention-pinned").click()
    expect(shown.locator(".mw-thumbnail")).to_have_count(2)

    # A click opens one large; one on an edge cuts it, another one restores it.
    shown.get_by_test_id("mw-thumbnail-0-3").click()
    expect(shown.get_by_role("heading")).to_have_text("Head 0.3")
    matrix = shown.locator(".mw-matrix canvas")
    expect(matrix).to_be_visible()
    size = matrix.bounding_box()["height"] / 16
    cell = {"x": size * 6.5, "y": size * 7.5}
    matrix.hover(position=cell)
    expect(shown.locator(".mw-does")).to_contain_text("click knocks out the edge")
    matrix.click(position=cell)
    expect(shown).to_have_attribute("data-mw-outcome-revision", "1")
    assert notebook.python("[i.sentence for i in session.interventions]") == [
        "Knock out head 0.3 from 7 to 6"
    ]
    expect(readout).to_contain_text("reads ·clean (6) 0.00")
    expect(shown.locator(".mw-does")).to_contain_text("click restores the edge")
    look(notebook, shown, "view-attention-cut")
    shown.get_by_test_id("mw-attention-change").click()
    matrix.hover(position={"x": size * 2.5, "y": size * 7.5})
    look(notebook, shown, "view-attention-change")
    shown.get_by_test_id("mw-attention-after").click()

    # By keyboard too, and the whole row of a query.
    matrix.hover(position=cell)
    shown.locator(".mw-matrix [role=gridcell]").focus()
    page.keyboard.press("Enter")
    expect(shown).to_have_attribute("data-mw-outcome-revision", "2")
    assert notebook.python("len(session.interventions)") == 0
    matrix.click(position=cell, modifiers=["Shift"])
    expect(shown).to_have_attribute("data-mw-outcome-revision", "3")
    assert notebook.python("[i.sentence for i in session.interventions]") == ["Zero head 0.3 at 7"]
    matrix.click(position=cell, button="right")
    menu = shown.get_by_test_id("mw-edge-menu")
    expect(menu).to_be_visible()
    shown.screenshot(path=RESULTS / "view-attention-menu.png")
    menu.get_by_role("menuitem").nth(2).click()
    expect(menu).to_be_hidden()
    expect(shown).to_have_attribute("data-mw-outcome-revision", "4")
    assert notebook.python("len(session.interventions)") == 1 + 10  # queries 6 to 15 read key 6
    notebook.execute("session.clear()")

    # What moves along the edges, by key, and as arcs.
    shown.get_by_test_id("mw-attention-value").click()
    expect(readout).to_contain_text("moves from")
    shown.get_by_test_id("mw-attention-key").click()
    look(notebook, shown, "view-attention-moved")
    shown.get_by_test_id("mw-attention-pattern").click()
    shown.get_by_test_id("mw-attention-query").click()
    shown.get_by_test_id("mw-attention-arcs").click()
    expect(shown.locator(".mw-arcs")).to_be_visible()
    look(notebook, shown, "view-attention-arcs")
    shown.scroll_into_view_if_needed()
    ninth = shown.locator(".mw-arcs-side:not(.mw-arcs-keys) .mw-arcs-token").nth(9)
    ninth.hover()
    expect(readout).to_contain_text("query ·lamp (9)")
    look(notebook, shown, "view-attention-arcs-isolated", ninth.hover)
    shown.locator(".mw-arcs-side:not(.mw-arcs-keys) .mw-arcs-token").first.focus()
    for _ in range(9):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(shown).to_have_attribute("data-mw-outcome-revision", "6")
    (sentence,) = notebook.python("[i.sentence for i in session.interventions]")
    assert sentence.startswith("Knock out head 0.3 from 9 to ")


def test_a_long_prompt_comes_in_parts(open_notebook: OpenNotebook) -> None:
    notebook, shown = opened(open_notebook, LONG)
    readout = shown.get_by_test_id("mw-attention-readout")
    pane = shown.locator(".mw-attention")
    expect(readout).to_contain_text("reads")
    expect(shown.get_by_test_id("mw-attention-shares")).to_contain_text("k/v head 0 shared with")
    shown.get_by_test_id("mw-attention-layer").click()
    expect(shown.locator(".mw-thumbnail")).to_have_count(8)
    expect(pane).not_to_have_attribute("data-waiting", "")
    expect(shown.locator(".mw-legend-note:visible")).to_contain_text("the largest of")
    look(notebook, shown, "view-attention-long-layer")
    shown.get_by_test_id("mw-attention-model").click()
    expect(pane).not_to_have_attribute("data-waiting", "")
    look(notebook, shown, "view-attention-long-model")
    shown.get_by_test_id("mw-attention-head").click()
    matrix = shown.locator(".mw-matrix canvas")
    for _ in range(3):
        shown.get_by_test_id("mw-zoom-in").click()
    expect(shown.get_by_test_id("mw-zoom-words")).to_contain_text("of 300 tokens")
    expect(pane).not_to_have_attribute("data-waiting", "")
    matrix.hover(position={"x": 20, "y": 200})
    expect(readout).to_contain_text("query ")
    look(notebook, shown, "view-attention-long-zoomed")
    shown.get_by_test_id("mw-zoom-all").click()
    look(notebook, shown, "view-attention-long")
    shown.get_by_test_id("mw-attention-arcs").click()
    look(notebook, shown, "view-attention-long-arcs")
    # Never a whole pattern in float32, however much was looked at.
    assert notebook.python("max(sent)") < 300 * 300 * 2
    assert notebook.python("sum(sent)") < 2_000_000
