"""One neuron in depth as a person uses it: choose one, look it up in a reference set, edit it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import SETUP
from tests.browser.pictures import look
from tests.browser.test_neurons import PROMPT, TIMEOUT_MS, shown
from tests.browser.workbench_page import number

if TYPE_CHECKING:
    from tests.browser.conftest import OpenNotebook

pytestmark = pytest.mark.browser

WORDS = ["lamp", "Tuesday", "seven", "Oslo", "bird", "clean", "Tom", "kite", "The", "France", "is"]
SESSION = f"""{SETUP}
import os, random, tempfile
os.environ["MECHWIDGET_CACHE"] = tempfile.mkdtemp()
session = mw.Session(model, {PROMPT!r}, metric=mw.LogitDiff(' kite', ' lamp'))
chance = random.Random(0)
texts = [" ".join(chance.choices({WORDS!r}, k=chance.randint(3, 30))) for _ in range(120)]
texts += texts[:3]"""
EXPERTS = """from transformers import MixtralConfig, MixtralForCausalLM
import torch
torch.manual_seed(0)
config = MixtralConfig(vocab_size=model.vocab_size, hidden_size=32, intermediate_size=48,
    num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, num_local_experts=4,
    initializer_range=0.2)
moe = mw.wrap(MixtralForCausalLM(config).eval(), model.tokenizer, name="mixture")
session.close()
session = mw.Session(moe, "lamp Tuesday seven Oslo bird", metric=mw.LogitDiff(' kite', ' lamp'))
session.corpus = texts[:40]
neuron = mw.NeuronView(session)"""


def test_one_neuron_in_depth(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook(
        SESSION,
        "neuron = mw.NeuronView(session)\nneuron",
        "neurons = mw.NeuronsView(session)\nneurons",
        f"{EXPERTS}\nneuron",
    )
    notebook.page.set_viewport_size({"width": 1000, "height": 1900})
    for cell in range(2):
        notebook.run_cell(cell)
    view = shown(notebook, "neuron")
    chip = view.locator(".mw-neuron-chip").first
    expect(chip).to_be_visible(timeout=TIMEOUT_MS)
    name = chip.locator(".mw-neuron-chip-name").inner_text()
    expect(view.get_by_role("heading", level=3)).to_have_text(f"Neuron {name}")
    expect(view.locator(".mw-neuron")).not_to_have_attribute("data-waiting", "")
    expect(view.locator(".mw-corpus-words")).to_contain_text("No reference set yet")
    look(notebook, shown(notebook, "neuron"), "view-neuron-without-set")

    # A set given on the page: one prompt on each line, a repeated one counted once.
    view.get_by_test_id("mw-corpus-open").click()
    field = view.get_by_test_id("mw-corpus-input")
    field.fill("lamp Tuesday seven\nTom kite lamp\n\nlamp Tuesday seven")
    field.press("Control+Enter")
    said = view.get_by_test_id("mw-neuron-looked")
    expect(said).to_contain_text("Looked at 2 prompts", timeout=TIMEOUT_MS)
    expect(said).to_contain_text("1 duplicate counted once")

    # A larger one from Python: what is printed is what a run says.
    notebook.execute("session.corpus = texts")
    expect(said).to_contain_text("Looked at 120 prompts", timeout=TIMEOUT_MS)
    context = view.get_by_test_id("mw-context").first
    expect(context.locator("[data-peak]")).to_be_visible(timeout=TIMEOUT_MS)
    expect(view.locator("[aria-busy]")).to_have_count(0)
    layer, index = (int(part) for part in name.split("."))
    site = f"('mlp_post', {layer})"
    peak = notebook.python(
        f"max(float(model.run(t, (), [{site}]).read[{site}][0, :, {index}].max()) for t in texts)"
    )
    assert number(context.locator(".mw-context-value").inner_text()) == pytest.approx(
        peak, abs=0.006
    )
    look(notebook, shown(notebook, "neuron"), "view-neuron")
    view.get_by_test_id("mw-contexts-lowest").click()
    lowest = view.get_by_test_id("mw-context").first.locator(".mw-context-value")
    assert number(lowest.inner_text()) < 0
    view.get_by_test_id("mw-contexts-highest").click()

    # Another neuron by its address; the armed tool ablates it.
    view.get_by_test_id("mw-neuron-index").fill("3")
    view.get_by_test_id("mw-neuron-index").press("Enter")
    expect(view.get_by_role("heading", level=3)).to_have_text(f"Neuron {layer}.3")
    view.get_by_test_id("mw-neuron-use").click()
    expect(view).to_have_attribute("data-mw-outcome-revision", "1", timeout=TIMEOUT_MS)
    assert notebook.python("session.interventions[0].sentence") == f"Zero neuron {layer}.3"
    expect(view.get_by_test_id("mw-neuron-use")).to_have_attribute("aria-pressed", "true")

    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")

    # From the list of neurons by the key, and a context becomes the prompt.
    notebook.run_cell(2)
    rows = shown(notebook, "neurons").locator("[data-row]:visible")
    expect(rows.first).to_be_visible(timeout=TIMEOUT_MS)
    other = rows.nth(2).locator(".mw-neuron-name").inner_text()
    rows.nth(2).hover()
    shown(notebook, "neurons").get_by_test_id("mw-neuron-list").press("n")
    expect(view.get_by_role("heading", level=3)).to_have_text(f"Neuron {other}")
    expect(view.locator("[aria-busy]")).to_have_count(0, timeout=TIMEOUT_MS)
    take = view.get_by_role("button", name="Take prompt").first
    wanted = int((take.get_attribute("data-testid") or "").rpartition("-")[2])
    take.click()
    expect(view).to_have_attribute("data-mw-outcome-revision", "2", timeout=TIMEOUT_MS)
    assert notebook.python(f"session.prompt == session.corpus.prompts[{wanted}]") is True

    # Experts: their neurons, and where tokens went.
    notebook.run_cell(3)
    view = notebook.page.locator("[data-testid=mw-view-neuron]").last
    expect(view.locator(".mw-neuron-expert").first).to_be_visible(timeout=TIMEOUT_MS)
    expect(view.get_by_test_id("mw-neuron-looked")).to_contain_text(
        "Looked at 40 prompts", timeout=TIMEOUT_MS
    )
    expect(view.locator("[aria-busy], [data-waiting]")).to_have_count(0, timeout=TIMEOUT_MS)
    look(notebook, view, "view-neuron-experts")
    went = view.locator(".mw-neuron-expert[aria-pressed=false]").first
    expert = went.inner_text()
    went.click()
    expect(view.get_by_role("heading", level=3)).to_contain_text(f"of expert 0.{expert}")
    assert violations(notebook.page, "[data-testid=mw-view-neuron]") == []
