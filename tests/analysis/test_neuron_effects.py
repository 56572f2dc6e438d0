"""Direct effects of neurons: against their layer's, against the unembedding by hand, as a law."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import direct_attribution, neuron_effects, neuron_tokens
from mechwidget.errors import MechwidgetError, UnsupportedModelError
from tests.models.zoo.build import example, hooked, shared
from tests.models.zoo.species import LAYERS, NEURONS, VOCABULARY, ZOO

METRIC = mw.LogitDiff(3, 5, position=7)
EDITS = [mw.Scale(mw.Neuron(1, 4), 3.0), mw.Ablate(mw.Head(2, 1))]


def bias_of(name, layer):
    return getattr(shared(name).get_submodule(ZOO[name].down.format(layer)), "bias", None)


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2", "phi"])
def test_the_neurons_of_a_layer_and_its_bias_are_what_the_mlp_says(name):
    model = hooked(name)
    found = neuron_effects(model, example(), METRIC, EDITS)
    whole = direct_attribution(model, example(), METRIC, EDITS)
    assert found.position == 7
    for layer in range(LAYERS):
        assert found.values[layer].shape == (NEURONS,)
        rest = whole.mlp[layer] - found.values[layer].sum()
        if bias_of(name, layer) is None:
            assert rest == pytest.approx(0, abs=1e-4)
        else:  # then it is the same whatever is done to the neurons
            other = neuron_effects(model, example(), METRIC)
            others = direct_attribution(model, example(), METRIC)
            scale = _final_scale(model, EDITS) / _final_scale(model, ())
            expected = (others.mlp[layer] - other.values[layer].sum()) * scale
            assert rest == pytest.approx(expected, abs=1e-3)


def _final_scale(model, edits):
    """The final layer norm's 1 / s at the metric's position."""
    site = ("resid_post", LAYERS - 1)
    stream = model.run(example(), edits, [site]).read[site][0, 7]
    return 1 / float((stream.var(unbiased=False) + 1e-5).sqrt())


@torch.no_grad()
def test_one_neuron_is_its_activation_times_its_row_through_norm_and_unembedding():
    """Weight by weight, on a GPT-2, whose modules hold them where we can read them."""
    model, module = hooked("gpt2"), shared("gpt2")
    site, last = ("mlp_post", 1), ("resid_post", LAYERS - 1)
    run = model.run(example(), EDITS, [site, last])
    stream, x = run.read[last][0, 7], run.read[site][0, 7]
    norm, rows = module.transformer.ln_f, module.transformer.h[1].mlp.c_proj.weight
    centred = rows - rows.mean(-1, keepdim=True)
    normed = norm.weight * centred / (stream.var(unbiased=False) + norm.eps).sqrt()
    said = normed @ module.lm_head.weight.T  # [neuron, vocab]
    found = neuron_effects(model, example(), METRIC, EDITS).values[1]
    expected = x * (said[:, 3] - said[:, 5])
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)
    told = neuron_tokens(model, example(), mw.Neuron(1, 4), EDITS, position=7, k=5)
    order = said[4].argsort(descending=True)
    assert told.promoted == tuple(order[:5].tolist())
    assert told.suppressed == tuple(order.flip(0)[:5].tolist())
    np.testing.assert_allclose(told.gains, said[4][order[:5]].numpy(), atol=1e-4)
    np.testing.assert_allclose(told.losses, said[4][order.flip(0)[:5]].numpy(), atol=1e-4)


def test_of_the_last_layer_it_is_what_setting_the_neuron_to_zero_takes_but_for_the_norm():
    """Nothing comes after: with the norm's scale frozen the ablation's effect is the direct one."""
    model = hooked("llama")
    neuron, last = mw.Neuron(LAYERS - 1, 9), LAYERS - 1
    effect = neuron_effects(model, example(), METRIC).values[last][9]
    bound = METRIC.bind(model, example().shape[-1])
    site = ("resid_post", last)
    runs = [model.run(example(), e, [site], [7]) for e in ([], [mw.Ablate(neuron)])]
    before, after = (bound(run.logits[0, 0]) for run in runs)
    size = [float(run.read[site][0, 7].pow(2).mean().add(1e-6).sqrt()) for run in runs]
    assert before - after * size[1] / size[0] == pytest.approx(effect, abs=1e-3)


def test_tokens_of_a_neuron_are_all_of_them_when_asked():
    told = neuron_tokens(hooked("llama"), example(), mw.Neuron(0, 0), k=10_000)
    assert sorted(told.promoted) == list(range(VOCABULARY))
    assert told.promoted == told.suppressed[::-1]
    assert (np.diff(told.gains) <= 0).all()


def test_what_has_no_direct_effect_says_so():
    with pytest.raises(MechwidgetError, match="Only a logit difference"):
        neuron_effects(hooked("gpt2"), example(), mw.Probability(3))
    with pytest.raises(MechwidgetError, match="no neurons of its own"):
        neuron_tokens(hooked("mixtral"), example(), mw.Neuron(0, 0))
    assert neuron_effects(hooked("mixtral"), example(), METRIC).values == {}
    with pytest.raises(UnsupportedModelError):
        neuron_effects(hooked("openai_gpt"), example(), METRIC)
