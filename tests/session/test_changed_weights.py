"""Weights that are changed between two clicks: nothing from before is compared with after."""

from __future__ import annotations

import torch

import mechwidget as mw
from tests.session.tiny import PROMPT, tiny_module, tiny_tokenizer


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
