"""A session replays and batches, and nobody can tell from its numbers or its manners."""

from __future__ import annotations

import time

import numpy as np
import torch

import mechwidget as mw
from mechwidget.analysis import ablation_effect, effect_grid, sweep_components
from tests.models.homemade import Homemade, HomemadeBlock
from tests.session.tiny import PROMPT, SECONDS, eventually

IDS = list(range(2, 42))  # long enough that not every variant fits into one batch


class SlowBlock(HomemadeBlock):
    """Takes its time without a hook, under which nothing would be batched."""

    calls: list[int] = []  # noqa: RUF012 - how many rows each call had

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.append(x.shape[0])
        time.sleep(0.02)
        return super().forward(x)


def slow_model() -> mw.HookedModel:
    model = Homemade(depth=6)
    wrapped = mw.wrap(model)
    for block in model.blocks:
        block.__class__ = SlowBlock
    SlowBlock.calls.clear()
    return wrapped


def test_the_edited_run_of_a_session_is_replayed_and_undo_gives_the_same_bits(model):
    with mw.Session(model, PROMPT) as session:
        session.ablate(mw.Head(2, 1))
        result = session.result
        assert result.plan.replayed == 2
        full = model.run(PROMPT, session.interventions, positions=[-1], replay=False)
        assert torch.equal(result.logits, full.logits)
        session.ablate(mw.Head(1, 0))
        between = session.result
        session.undo()
        assert torch.equal(session.result.logits, result.logits)
        session.redo()
        assert torch.equal(session.result.logits, between.logits)
        session.clear()
        assert torch.equal(session.result.logits, session.baseline.logits)


def test_a_click_goes_before_the_batches_of_a_sweep_which_then_goes_on():
    model = slow_model()
    with mw.Session(model, IDS) as session:
        session.wait()
        seen = []
        watch = session.effects(lambda done, total, grid: seen.append((done, total)))
        eventually(lambda: seen)
        began = time.monotonic()
        session.ablate(mw.Head(5, 1))
        session.wait()
        took = time.monotonic() - began
        assert not watch.done(), "the click waited for the sweep"
        effects = watch.result(SECONDS)
        assert max(SlowBlock.calls) > 4, "heads share batches"
        assert took < 1.0, "at most a block of the sweep, and the click's own blocks"
    assert 0 < seen[0][0] < seen[0][1] == 42, "results come in parts"
    assert not np.isnan(effects).any()
    tokens = model.tokenize(IDS)
    baseline = model.run(IDS, positions=[-1]).logits[0, 0]
    singly = [
        ablation_effect(model, tokens, c, baseline)
        for c in sweep_components(model, wholes=True)[:7]
    ]
    np.testing.assert_allclose(effects[0], effect_grid(model, singly)[0], rtol=0, atol=1e-5)


def test_a_sweep_computes_far_fewer_blocks_than_single_runs_would():
    model = slow_model()
    with mw.Session(model, IDS) as session:
        session.effects().result(SECONDS)
    assert len(SlowBlock.calls) < 42 * 6 / 2
