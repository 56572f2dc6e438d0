"""A masked language model on the page: patterns that look both ways, in light and in dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.pictures import look
from tests.browser.workbench_page import WorkbenchPage

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser

SETUP = """import torch, mechwidget as mw
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

words = ["[unk]", "[mask]", *(f"word{i}" for i in range(64)), "the", "cat", "sat"]
vocabulary = models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[unk]")
tokenizer = Tokenizer(vocabulary)
tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=tokenizer, unk_token="[unk]", mask_token="[mask]"
)
torch.manual_seed(0)
config = BertConfig(
    vocab_size=len(words), hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
    intermediate_size=64, max_position_embeddings=80, initializer_range=0.4,
)
model = mw.wrap(BertForMaskedLM(config).eval(), tokenizer, name="fills in")
several = [mw.Scale(mw.Head(0, 1), 0.5), mw.KnockOut(mw.Edge(1, 2, query=0, key=2)),
           mw.Freeze(mw.MLP(2)), mw.SkipLayer(mw.Layer(2)), mw.Ablate(mw.Head(0, 0))]"""
SHORT = "the [mask] sat"
LONG = " ".join(f"word{i}" if i != 40 else "[mask]" for i in range(64))
SHOW = f"session = mw.Session(model, {SHORT!r})\nworkbench = mw.Workbench(session)\nworkbench"


def test_patterns_that_look_both_ways(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, SHOW)
    notebook.run_cell(0)
    notebook.run_cell(1)
    workbench = WorkbenchPage(notebook)
    workbench.settle()
    grid = workbench.get("mw-attention").get_by_role("grid")
    words = workbench.get("mw-attention-readout")
    for prompt, n in ((SHORT, 3), (LONG, 64)):
        workbench.execute(f"session.prompt = {prompt!r}")
        expect(grid).to_have_attribute("aria-rowcount", str(n))
        cursor = grid.get_by_role("gridcell")
        cursor.focus()
        cursor.press("Control+Home")
        cursor.press("End")
        last = prompt.split()[-1]
        expect(words).to_contain_text(f"reads {last} ({n - 1})")
        ahead = notebook.python(
            f"float(session.pattern(mw.Head(0, 0), edited=False).result()[0, {n - 1}])"
        )
        assert float(words.inner_text().split()[-1]) == pytest.approx(ahead, abs=0.006)
        look(notebook, workbench.root, f"both-ways-{n}")


def test_every_kind_of_edit_is_marked_on_the_map(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(SETUP, SHOW)
    notebook.run_cell(0)
    notebook.run_cell(1)
    workbench = WorkbenchPage(notebook)
    notebook.execute("session.interventions = several")
    expect(workbench.cell(0, 1)).to_have_attribute("data-glyph", "%")
    expect(workbench.cell(1, 2)).to_have_attribute("data-glyph", "⊘")
    expect(workbench.mlp(2)).to_have_attribute("data-glyph", "2")
    expect(workbench.cell(0, 0)).to_have_attribute("data-mark", "whole")
    label = workbench.mlp(2).get_attribute("aria-label")
    assert label is not None
    assert "frozen and skipped" in label
    workbench.settle()
    look(notebook, workbench.root, "kinds")
    notebook.execute("session.disable(several[0])")
    expect(workbench.cell(0, 1)).to_have_attribute("data-mark", "off")


TWO_STACKS = """from transformers import T5Config, T5ForConditionalGeneration

torch.manual_seed(0)
config = T5Config(
    vocab_size=len(words), d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
    decoder_start_token_id=0, initializer_factor=5.0,
)
model = mw.wrap(T5ForConditionalGeneration(config).eval(), tokenizer, name="translates")
prompt = mw.Inputs(encoder="the cat sat word1 word2 word3", decoder="word4 word5 word6")"""
SHOW_BOTH = "session = mw.Session(model, prompt)\nworkbench = mw.Workbench(session)\nworkbench"


def test_cross_attention_has_the_tokens_of_both_stacks(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(f"{SETUP}\n{TWO_STACKS}", SHOW_BOTH)
    notebook.run_cell(0)
    notebook.run_cell(1)
    workbench = WorkbenchPage(notebook)
    workbench.settle()
    expect(workbench.root.locator(".mw-encoder")).to_contain_text("the")
    workbench.cell(3, 1).hover()
    grid = workbench.get("mw-attention").get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "3")
    workbench.get("mw-attention-cross").click()
    expect(grid).to_have_attribute("aria-colcount", "6")
    labels = workbench.root.locator(".mw-matrix-keys .mw-matrix-label")
    assert labels.all_inner_texts() == ["the", "cat", "sat", "word1", "word2", "word3"]
    expect(workbench.get("mw-attention-readout")).to_contain_text("query word6 (2) reads")
    look(notebook, workbench.root, "cross")
