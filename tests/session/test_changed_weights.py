"""Weights that are changed between two clicks: nothing from before is compared with after."""

from __future__ import annotations

import numpy as np
import torch

import mechwidget as mw
from mechwidget.analysis import ablation_effects
from mechwidget.models.stamp import Stamp
from mechwidget.session import sweep as sweep_module
from tests.session.test_newest_wins import groups_of_four
from tests.session.tiny import PROMPT, SECONDS, swept, tiny_module, tiny_tokenizer


def test_numbers_from_before_are_not_compared_with_numbers_from_after():
    module = tiny_module()
    with mw.Session(mw.wrap(module, tiny_tokenizer()), PROMPT) as session:
        old = session.baseline.logits
        with torch.no_grad():
            module.transformer.h[1].mlp.c_fc.weight.mul_(0.5)
        session.ablate(mw.Head(0, 1))
        fresh = mw.wrap(module, tiny_tokenizer()).run(PROMPT, positions=[-1]).logits
        assert not torch.equal(session.baseline.logits, old)
        assert torch.equal(session.baseline.logits, fresh)


def test_patterns_follow_the_weights():
    module = tiny_module()
    with mw.Session(mw.wrap(module, tiny_tokenizer()), PROMPT) as session:
        old = session.pattern(mw.Head(1, 0), edited=False).result()
        with torch.no_grad():
            module.transformer.h[0].mlp.c_proj.weight.mul_(3)
        new = session.pattern(mw.Head(1, 0), edited=False).result()
        assert not torch.equal(new, old)


def test_a_hook_of_ones_own_is_seen_from_the_next_click_on():
    module = tiny_module()
    with mw.Session(mw.wrap(module, tiny_tokenizer()), PROMPT) as session:
        old = session.baseline.logits
        hook = module.transformer.h[1].mlp.register_forward_hook(lambda _, __, out: out * 0)
        session.ablate(mw.Head(0, 1))
        assert not torch.equal(session.baseline.logits, old)
        hook.remove()
        session.clear()
        assert torch.equal(session.baseline.logits, old)


def test_effects_follow_the_weights():
    module = tiny_module()
    with mw.Session(mw.wrap(module, tiny_tokenizer()), PROMPT) as session:
        old = session.effects().result(SECONDS)
        with torch.no_grad():
            module.transformer.h[1].mlp.c_fc.weight.mul_(0.5)
        new = session.effects().result(SECONDS)
    fresh = mw.wrap(module, tiny_tokenizer())
    assert not np.allclose(new, old, atol=1e-4)
    np.testing.assert_allclose(new, swept(fresh, PROMPT), atol=1e-5)


def test_a_sweep_under_which_the_weights_change_is_of_the_new_ones_throughout(monkeypatch):
    module = tiny_module()
    model = mw.wrap(module, tiny_tokenizer())
    changed = []

    def interrupted(*args, **options):
        effects = ablation_effects(*args, **options)
        if not changed:
            with torch.no_grad():
                changed.append(module.transformer.h[0].attn.c_proj.weight.mul_(2))
        return effects

    monkeypatch.setattr(sweep_module, "ablation_effects", interrupted)
    monkeypatch.setattr(sweep_module, "ablation_groups", groups_of_four)
    with mw.Session(model, PROMPT) as session:
        grid = session.effects().result(SECONDS)
    fresh = mw.wrap(module, tiny_tokenizer())
    np.testing.assert_allclose(grid, swept(fresh, PROMPT), atol=1e-5)


def test_the_version_of_the_model_is_said_with_its_numbers():
    module = tiny_module()
    with mw.Session(mw.wrap(module, tiny_tokenizer()), PROMPT) as session:

        def version():
            session.toggle(mw.Head(0, 1))
            session.wait()
            return session.now().standing.computed.version

        first = version()
        assert version() == first is not None
        with torch.no_grad():
            module.transformer.h[1].mlp.c_fc.weight.mul_(0.5)
        assert version() not in (first, None)
        hook = module.register_forward_hook(lambda *_: None)
        assert version() is None
        hook.remove()
        assert version() not in (first, None)


def test_a_click_looks_at_the_model_once(monkeypatch):
    looks, holds = [], Stamp.holds
    with mw.Session(mw.wrap(tiny_module(), tiny_tokenizer()), PROMPT) as session:
        session.wait()
        monkeypatch.setattr(Stamp, "holds", lambda *args: looks.append(1) or holds(*args))
        session.ablate(mw.Head(0, 1))
        session.wait()
        assert len(looks) == 1
        session.undo()
        session.wait()
        assert len(looks) == 2


def test_a_hook_that_counts_its_calls_is_called_by_every_click():
    module = tiny_module()
    with mw.Session(mw.wrap(module, tiny_tokenizer()), PROMPT) as session:
        session.wait()
        calls = []
        hook = module.transformer.h[1].register_forward_hook(lambda *_: calls.append(1))
        session.ablate(mw.Head(0, 1))
        session.wait()
        assert len(calls) == 2, "the baseline and the click"
        session.ablate(mw.Head(0, 2))
        session.wait()
        assert len(calls) == 4
        session.undo()
        session.wait()
        assert len(calls) == 6, "numbers that were there before count for nothing"
        hook.remove()
