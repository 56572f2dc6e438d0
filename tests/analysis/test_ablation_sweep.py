"""The sweep: every component's effect, against a copy of the weights with the component removed."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import (
    Effect,
    ablation_effect,
    ablation_sweep,
    effect_grid,
    sweep_components,
)
from mechwidget.errors import CancelledError, ComponentError
from tests.session.tiny import PROMPT, WORDS, tiny_model


@pytest.fixture(scope="module")
def model():
    return tiny_model(seed=2)


def last_logits(module, ids):
    with torch.no_grad():
        return module(torch.tensor([ids])).logits[0, -1]


def without(model, component):
    """Plain torch: weights (for an MLP also the bias) that write to the stream are zero."""
    module = copy.deepcopy(model.model)
    block = module.transformer.h[component.layer]
    with torch.no_grad():
        if isinstance(component, mw.MLP):
            block.mlp.c_proj.weight.zero_()
            block.mlp.c_proj.bias.zero_()
        else:
            width = module.config.n_embd // module.config.n_head
            start = component.head * width
            block.attn.c_proj.weight[start : start + width] = 0
    return module


def test_effects_are_differences_of_the_metric(model):
    metric = mw.LogitDiff("cat", "dog")
    a, b = (1 + WORDS.index(word) for word in ("cat", "dog"))
    ids = model.tokenize(PROMPT).ids
    before = last_logits(model.model, ids)
    effects = list(ablation_sweep(model, PROMPT, metric))
    assert [each.component for each in effects] == list(sweep_components(model))
    for effect in effects:
        after = last_logits(without(model, effect.component), ids)
        expected = float(after[a] - after[b]) - float(before[a] - before[b])
        assert effect.value == pytest.approx(expected, abs=1e-4)


def test_without_a_metric_effects_are_kl_in_nats(model):
    ids = model.tokenize(PROMPT).ids
    log_p = last_logits(model.model, ids).double().log_softmax(-1)
    for effect in ablation_sweep(model, PROMPT):
        log_q = last_logits(without(model, effect.component), ids).double().log_softmax(-1)
        expected = float((log_p.exp() * (log_p - log_q)).sum())
        assert effect.value == pytest.approx(expected, abs=1e-5)


def test_one_effect_is_that_of_the_sweep(model):
    tokens = model.tokenize(PROMPT)
    baseline = model.run(PROMPT, positions=[-1]).logits[0, 0]
    alone = ablation_effect(model, tokens, mw.Head(1, 2), baseline)
    (swept,) = ablation_sweep(model, PROMPT, components=[mw.Head(1, 2)])
    assert alone == swept


def test_a_metric_elsewhere_reads_the_logits_there(model):
    metric = mw.Probability("cat", position=2)
    ids = model.tokenize(PROMPT).ids
    (effect,) = ablation_sweep(model, PROMPT, metric, components=[mw.MLP(1)])
    with torch.no_grad():
        runs = [m(torch.tensor([ids])).logits for m in (without(model, mw.MLP(1)), model.model)]
    after, before = (float(logits[0, 2].softmax(-1)[1 + WORDS.index("cat")]) for logits in runs)
    assert effect.value == pytest.approx(after - before, abs=1e-6)


def test_what_was_found_before_a_cancel_stays_found(model):
    found = []
    sweep = ablation_sweep(model, PROMPT, cancelled=lambda: len(found) >= 3)
    with pytest.raises(CancelledError):
        found.extend(sweep)
    assert len(found) == 3


def test_a_component_that_does_not_exist_is_refused(model):
    with pytest.raises(ComponentError):
        list(ablation_sweep(model, PROMPT, components=[mw.Head(9, 0)]))


def test_the_grid_has_layers_heads_and_the_mlp_and_nan_for_the_unknown(model):
    grid = effect_grid(model, [Effect(mw.Head(1, 2), 0.5), Effect(mw.MLP(0), math.nan)])
    assert grid.shape == (3, 6)
    assert grid.dtype == np.float32
    assert grid[1, 2] == 0.5
    assert np.isnan(grid).sum() == 17
