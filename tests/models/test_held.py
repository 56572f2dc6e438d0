"""What other prompts held is run once, and never outlives the model that it was read off."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from mechwidget.models.budget import Budget
from mechwidget.models.held import _OBJECT as OBJECT
from tests.session.tiny import PROMPT, tiny_model

OVER = ["the dog sat on the rug", "a cat ran under the mat and then slept", "the mat", "a dog"]
EDITS = [
    mw.Ablate(mw.Head(1, 2), "mean", OVER),
    mw.Ablate(mw.MLP(0), "mean", OVER),
    mw.Patch(mw.Head(2, 0), "the dog sat", align="end"),
    mw.Freeze("pattern"),
]


@pytest.fixture
def model():
    return tiny_model()


@pytest.fixture
def runs(model, monkeypatch):
    """The prompts of every run from now on."""
    seen, run = [], model.run

    def counted(prompt, *args, **options):
        seen.append(prompt)
        return run(prompt, *args, **options)

    monkeypatch.setattr(model, "run", counted)
    return seen


def test_sources_are_run_once_and_give_the_same_bits(model, runs):
    first = model.run(PROMPT, EDITS).logits
    assert len(runs) == 1 + len(OVER) + 1 + 1
    runs.clear()
    again = model.run(PROMPT, EDITS).logits
    assert runs == [PROMPT]
    assert torch.equal(first, again)
    assert torch.equal(again, tiny_model().run(PROMPT, EDITS).logits)


def test_replay_off_computes_everything(model, runs):
    model.run(PROMPT, EDITS)
    runs.clear()
    logits = model.run(PROMPT, EDITS, replay=False).logits
    assert len(runs) == 1 + len(OVER) + 1 + 1
    torch.testing.assert_close(logits, model.run(PROMPT, EDITS).logits, atol=1e-5, rtol=0)


def test_changed_weights_are_run_again(model):
    model.run(PROMPT, EDITS)
    with torch.no_grad():
        model.model.transformer.h[0].mlp.c_fc.weight.mul_(0.5)
    fresh = mw.wrap(model.model, model.tokenizer)
    assert torch.equal(model.run(PROMPT, EDITS).logits, fresh.run(PROMPT, EDITS).logits)


def test_with_a_hook_of_ones_own_every_source_is_run(model, runs):
    handle = model.model.transformer.h[0].register_forward_hook(lambda *_: None)
    for _ in range(2):
        runs.clear()
        model.run(PROMPT, EDITS[:1])
        assert len(runs) == 1 + len(OVER)
    handle.remove()


def test_sites_are_told_apart(model, runs):
    model.run(PROMPT, EDITS[:1])
    runs.clear()
    mean = mw.Ablate(mw.MLP(2), "mean", OVER)
    logits = model.run(PROMPT, [mean]).logits
    assert len(runs) == 1 + len(OVER)
    assert torch.equal(logits, tiny_model().run(PROMPT, [mean]).logits)


def test_it_stays_within_its_share_of_the_budget(model):
    share = 12 * 4 * model.d_model + 3 * OBJECT
    model.baselines.budget = Budget(remembered=4 * share)
    for text in OVER * 2:
        model.run(PROMPT, [mw.Patch(mw.MLP(1), text, align="end")])
        held = list(model.held._entries.values())
        assert held
        assert sum(tensor.nbytes + OBJECT for tensor in held) <= share
