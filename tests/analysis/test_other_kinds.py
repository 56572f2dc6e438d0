"""Encoders, encoder-decoders, classifiers: the same numbers where they make sense, or why not."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.analysis import (
    ScoreInputs,
    activation_gradient,
    compute_score,
    cone,
    copying_scores,
    direct_attribution,
    largest_neurons,
    logit_lens,
    neuron_activations,
    patching_grid,
)
from mechwidget.errors import SiteError, UnsupportedModelError
from tests.zoo.build import build

METRIC = mw.LogitDiff(5, 17)
IDS = [7, 8, 9, 7, 8, 9, 11]


@cache
def hooked(kind, family):
    return mw.wrap(build(kind, family), name=kind)


def answering(model):
    return next(stack for stack in model.stacks if stack.main).layers


def t5():
    return hooked("t5", "encoder-decoder")


TWO = mw.Inputs(encoder=IDS, decoder=[3, 5, 6, 4])


@pytest.mark.parametrize(
    ("kind", "family", "prompt"),
    [("bert", "encoder", IDS), ("modernbert", "encoder", IDS), ("t5", "encoder-decoder", TWO)],
)
def test_the_last_row_of_the_lens_is_the_models_answer(kind, family, prompt):
    model = hooked(kind, family)
    run, lens = model.run(prompt), logit_lens(model, prompt, k=3)
    p = np.take_along_axis(run.logits[0].softmax(-1).numpy(), lens.top_ids[-1], -1)
    np.testing.assert_allclose(lens.top_probabilities[-1], p, atol=1e-6)
    assert (lens.kl[-1] == 0).all()
    assert {site.layer for site in lens.sites} == set(answering(model))


def test_the_terms_add_up_in_the_stack_that_answers():
    found, model = direct_attribution(t5(), TWO, METRIC), t5()
    logits = model.run(TWO).logits[0, -1]
    assert found.total == pytest.approx(float(logits[5] - logits[17]), abs=2e-4)
    assert np.isfinite(found.mlp[answering(model)]).all()
    assert np.isnan(np.delete(found.mlp, answering(model))).all()
    with pytest.raises(UnsupportedModelError, match="more than the norm and the unembedding"):
        direct_attribution(hooked("modernbert", "encoder"), IDS, METRIC)


def test_what_is_read_by_position_is_refused_where_there_is_one_answer():
    vit = hooked("vit", "vision")
    pixels = vit.tokenize(vit.source.example())
    with pytest.raises(UnsupportedModelError, match="one answer per prompt"):
        logit_lens(vit, pixels)
    with pytest.raises(UnsupportedModelError, match="one answer per prompt"):
        direct_attribution(vit, pixels, mw.LogitDiff(0, 1, position=0))
    with pytest.raises(UnsupportedModelError, match="tokens with tokens"):
        copying_scores(vit)
    with pytest.raises(UnsupportedModelError, match="sequence of tokens"):
        next(patching_grid(vit, pixels, pixels, mw.LogitDiff(0, 1, position=0)))
    with pytest.raises(UnsupportedModelError, match="never meets the unembedding"):
        logit_lens(t5(), TWO, layers=[0])
    with pytest.raises(UnsupportedModelError, match="tokens with tokens"):
        copying_scores(t5())


def test_patterns_of_both_stacks_are_scored_with_their_own_tokens():
    model = t5()
    inputs = ScoreInputs(model, TWO)
    assert np.isfinite(compute_score("entropy", inputs).heads).all()
    found = compute_score("induction", inputs)
    encoder = next(stack for stack in model.stacks if not stack.main)
    assert np.isfinite(found.heads[encoder.layers]).all()  # its tokens repeat
    assert "twice" in found.reason  # those of the decoder do not
    vit = hooked("vit", "vision")
    pixels = ScoreInputs(vit, vit.tokenize(vit.source.example()))
    assert np.isfinite(compute_score("entropy", pixels).heads).all()
    assert "no tokens" in compute_score("previous_token", pixels).reason


def test_gradients_and_neurons_of_both_stacks():
    model, step = t5(), 1e-3  # its neurons have kinks
    found = activation_gradient(model, TWO, METRIC)
    for layer in (0, model.n_layers - 1):

        def moved(factor, layer=layer):
            run = model.run(TWO, [mw.Scale(mw.Attention(layer), factor)], positions=[-1])
            return float(run.logits[0, 0, 5] - run.logits[0, 0, 17])

        slope = (moved(1 + step) - moved(1 - step)) / (2 * step)
        assert found.attention[layer].sum() == pytest.approx(slope, abs=5e-3 + 0.02 * abs(slope))
    with pytest.raises(UnsupportedModelError, match="two stacks"):
        activation_gradient(model, TWO, METRIC, source=TWO)
    table = largest_neurons(model, TWO, k=2)
    assert table.position[0].max() < len(IDS)
    assert table.position[-1].max() < 4
    first, last = mw.Neuron(0, int(table.index[0, 0])), mw.Neuron(table.layers[-1], 1)
    along = neuron_activations(model, TWO, [first, last])
    assert along[0, table.position[0, 0]] == pytest.approx(table.before[0, 0], abs=1e-5)
    assert np.isnan(along[1, 4:]).all()


def test_the_cone_of_a_stack_that_attends_both_ways_is_everything():
    bert = hooked("bert", "encoder")
    found = cone(bert, "resid_pre.1", 3, 6)
    row = dict(zip(found.sites, found.reached, strict=True))
    assert row["resid_pre", 1].tolist() == [False, False, False, True, False, False]
    assert row["resid_post", 1].all()
    assert not row["resid_post", 0].any()
    decoder = next(stack for stack in t5().stacks if stack.main)
    inside = cone(t5(), ("cross_z", decoder.first), 1, 4)
    assert {site.layer for site in inside.sites} <= set(decoder.layers)
    assert inside.reached[-1].tolist() == [False, True, True, True]
    with pytest.raises(SiteError, match="attended to"):
        cone(t5(), ("cross_k", decoder.first), 1, 4)
