"""Attributions as laws: they add up, integrals are complete, exact effects are single runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

import mechwidget as mw
from mechwidget.analysis import (
    Logit,
    activation_gradient,
    attribution,
    attribution_target,
    exact_effects,
    integrated_gradient,
    metric_from_json,
    neuron_effects,
    rank_correlation,
    token_and_position,
)
from mechwidget.analysis.attribution_path import AttributionPath, start_embedding
from mechwidget.analysis.exact_effects import exact_groups
from mechwidget.errors import CancelledError, MechwidgetError, UnsupportedModelError
from tests.models.zoo.build import build, example, hooked, shared
from tests.models.zoo.species import LAYERS
from tests.session.tiny import PROMPT, tiny_model, tiny_module, tiny_tokenizer
from tests.zoo.build import build as build_any
from tests.zoo.test_sample import TRAITS

METRIC = mw.LogitDiff(5, 17)
EDITS = [mw.Scale(mw.Neuron(1, 4), 3.0), mw.Ablate(mw.Head(2, 1))]
# Grouped queries, norms before and after, parallel, no bias, biases everywhere, scaled stream.
KINDS = ("llama", "olmo2", "gptj", "cohere", "gpt2", "opt", "granite")


def terms_of(run):
    parts = [run.attention, run.mlp, run.rest]
    named = np.concatenate([part[np.isfinite(part)] for part in parts])
    return np.concatenate([named, [run.embed, run.norm_bias, run.unembed_bias]])


def close(found, expected, terms):
    """Within 3e-5 of all that is added up."""
    assert found == pytest.approx(expected, abs=3e-5 * (np.abs(terms).sum() + 1e-9))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("metric", [METRIC, Logit(5)], ids=["difference", "logit"])
def test_every_term_adds_up_before_edits_and_after(name, metric):
    model = hooked(name)
    found = attribution(model, example(), metric, EDITS)
    bound = metric.bind(model, example().shape[-1])
    for run, edits in ((found.baseline, ()), (found.edited, EDITS)):
        terms = terms_of(run)
        close(terms.sum(), bound(model.run(example(), edits).logits[0, -1]), terms)
        close(run.total, run.metric, terms)
        close(run.token + run.position, run.embed, terms)
        heads = np.nansum(run.heads, 1)
        close(heads + run.attention_bias, run.attention, terms)
    neurons = neuron_effects(model, example(), metric, EDITS, layers=[1])
    assert list(neurons.values) == [1]
    bias = found.edited.mlp[1] - neurons.values[1].sum()
    if name in ("llama", "olmo2", "cohere", "granite"):
        close(bias, 0, terms_of(found.edited))


@pytest.mark.parametrize("kind", [kinds[0] for kinds in TRAITS.values()])
def test_on_the_zoo_it_adds_up_or_is_refused_with_a_reason(kind):
    model = mw.wrap(build_any(kind))
    additive = all(block.additive for block in model.ledger.blocks)
    try:
        run = attribution(model, example()).baseline
    except UnsupportedModelError as error:
        reason = error.message
    else:
        terms = terms_of(run)
        close(terms.sum(), run.total, terms)
        if not run.note:
            close(run.total, run.metric, terms)
        return
    assert ("than the norm" if additive else "not a plain sum") in reason


@torch.no_grad()
def test_the_first_stream_is_token_and_position():
    ids = example()[0].tolist()
    gpt2, at = shared("gpt2").transformer, 6
    parts = token_and_position(hooked("gpt2"), example(), at)
    torch.testing.assert_close(parts.token, gpt2.wte.weight[ids[at]], atol=1e-6, rtol=0)
    torch.testing.assert_close(parts.position, gpt2.wpe.weight[at], atol=1e-6, rtol=0)
    parts = token_and_position(hooked("gemma2"), example(), at)  # scaled, and rotary
    scaled = shared("gemma2").model.embed_tokens.weight[ids[at]] * 32**0.5
    torch.testing.assert_close(parts.token, scaled, atol=1e-4, rtol=1e-4)
    assert not parts.position.any()
    assert token_and_position(hooked("bloom"), example(), at) is None  # a norm comes in between
    assert np.isnan(attribution(hooked("bloom"), example(), METRIC).baseline.token)


def test_what_is_attributed_is_said():
    model = hooked("gpt2")
    assert attribution_target(model, example(), METRIC).metric == METRIC
    found = attribution_target(model, example(), mw.Probability(7, 3))
    assert found.metric == Logit(7, 3)
    assert "probability" in found.reason
    found = attribution_target(model, example(), position=4)
    assert found.metric == Logit(int(model.run(example()).logits[0, 4].argmax()), 4)
    assert "nothing is measured" in found.reason
    assert metric_from_json(found.metric.to_json()) == found.metric

    class Loss:
        def bind(self, model, n):
            raise AssertionError

        def to_json(self):
            return {}

    with pytest.raises(MechwidgetError, match="nothing adds up"):
        attribution_target(model, example(), Loss())


# -- integrated gradients


@pytest.mark.parametrize("name", ["gpt2", "llama", "cohere", "openai_gpt"])
@pytest.mark.parametrize("of", ["components", "tokens"])
def test_an_integral_is_complete_and_more_steps_are_better(name, of):
    found = integrated_gradient(hooked(name), example(), METRIC, EDITS, of=of, steps=32)
    logits = hooked(name).run(example(), EDITS).logits[0, -1]
    assert found.terms.value == pytest.approx(float(logits[5] - logits[17]), abs=1e-5)
    way = abs(found.terms.value - found.start)
    assert abs(found.gap) <= 0.01 * max(1, way)
    coarse = integrated_gradient(hooked(name), example(), METRIC, EDITS, of=of, steps=2)
    assert coarse.steps == 2
    assert abs(found.gap) <= abs(coarse.gap) + 1e-4


def test_norms_after_the_sublayers_are_integrated_where_all_happens():
    found = integrated_gradient(hooked("gemma2"), example(), METRIC, steps=32)
    assert abs(found.gap) < 0.02


def test_the_start_of_components_is_what_embeddings_say_alone():
    model = hooked("gpt2")
    parts = [*(mw.Head(i, h) for i in range(LAYERS) for h in range(4)), *map(mw.MLP, range(LAYERS))]
    logits = model.run(example(), [mw.Ablate(part) for part in parts]).logits[0, -1]
    found = integrated_gradient(model, example(), METRIC, steps=4)
    assert found.start == pytest.approx(float(logits[5] - logits[17]), abs=1e-5)
    np.testing.assert_allclose(found.terms.attention, np.nansum(found.terms.heads, 1), atol=1e-9)


FROZEN = [mw.Freeze("pattern"), mw.Freeze("norm")]


def test_where_the_metric_is_linear_they_are_activation_times_gradient():
    """One layer, patterns and norms frozen, no MLP: the metric is linear in what heads write."""
    model, metric = tiny_model(layers=1), mw.LogitDiff("mat", "rug")
    edits = [*FROZEN, mw.Ablate(mw.MLP(0))]
    first = activation_gradient(model, PROMPT, metric, edits)
    for steps in (1, 3):
        found = integrated_gradient(model, PROMPT, metric, edits, steps=steps)
        np.testing.assert_allclose(found.terms.heads, first.heads, atol=1e-5)
        assert found.gap == pytest.approx(0, abs=1e-5)


def test_of_a_polynomial_two_steps_are_exact():
    """Two layers of frozen attention: the gates' product makes it one of degree 2."""
    model, metric = tiny_model(layers=2), mw.LogitDiff("mat", "rug")
    edits = [*FROZEN, *(mw.Ablate(mw.MLP(layer)) for layer in range(2))]
    assert integrated_gradient(model, PROMPT, metric, edits, steps=2).gap == pytest.approx(
        0, abs=2e-5
    )
    assert abs(integrated_gradient(model, PROMPT, metric, edits, steps=1).gap) < 1.0


def test_at_its_end_the_path_is_activation_times_gradient():
    model = hooked("llama")
    path = AttributionPath(model, model.tokenize(example()), METRIC)
    first, end = activation_gradient(model, example(), METRIC), path.at(1.0)
    np.testing.assert_allclose(end.heads, first.heads, atol=1e-6)
    np.testing.assert_allclose(end.mlp, first.mlp, atol=1e-6)


def test_tokens_start_at_the_mean_of_all_embeddings_a_block_at_a_time(monkeypatch):
    module = build("gpt2")
    calls = []
    module.transformer.wte.register_forward_hook(lambda _m, args, _o: calls.append(args[0].numel()))
    model = mw.wrap(module)
    monkeypatch.setattr("mechwidget.analysis.attribution_path._EMBEDDED_AT_ONCE", 16)
    calls.clear()
    found = start_embedding(model, "mean")
    assert max(calls) <= 16
    torch.testing.assert_close(found, module.transformer.wte.weight.mean(0).detach())
    assert not start_embedding(model, "zero").any()


def test_steps_and_cancelling():
    with pytest.raises(MechwidgetError, match="1 to 256"):
        integrated_gradient(hooked("gpt2"), example(), METRIC, steps=0)
    with pytest.raises(CancelledError):
        integrated_gradient(hooked("gpt2"), example(), METRIC, cancelled=lambda: True)
    with pytest.raises(CancelledError):
        attribution(hooked("gpt2"), example(), METRIC, cancelled=lambda: True)


# -- exact effects


@pytest.mark.parametrize("interventions", [(), EDITS], ids=["plain", "edited"])
def test_exact_effects_are_single_runs(interventions):
    model = hooked("llama")
    cells = [mw.Head(0, 1), mw.MLP(2), mw.Neuron(1, 9), mw.Attention(1), mw.Head(2, 3)]
    edits = [mw.Ablate(cell) for cell in cells]
    found = exact_effects(model, example(), METRIC, edits, interventions)
    bound = METRIC.bind(model, example().shape[-1])
    before = bound(model.run(example(), interventions, positions=[-1]).logits[0, 0])
    for edit, value in zip(edits, found, strict=True):
        run = model.run(example(), [*interventions, edit], positions=[-1])
        assert value == pytest.approx(before - bound(run.logits[0, 0]), abs=2e-5)
    groups = exact_groups(model, example(), METRIC, edits, interventions)
    assert sorted(at for group in groups for at in group) == list(range(len(edits)))
    assert exact_effects(model, example(), METRIC, []).shape == (0,)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=20))
def test_the_rank_correlation_is_that_of_pandas(pairs):
    one, other = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    ranks = pd.DataFrame({"one": one, "other": other}).rank()
    expected = ranks["one"].corr(ranks["other"])
    found, n = rank_correlation(one, other)
    assert n == len(pairs)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_few_pairs_and_missing_ones_have_no_correlation():
    assert np.isnan(rank_correlation(np.array([1.0, 2]), np.array([1.0, 2]))[0])
    gaps = np.array([1.0, np.nan, 3, 2]), np.array([1.0, 5, 3, np.nan])
    assert rank_correlation(*gaps)[1] == 2


# -- bad input


def test_what_is_not_additive_is_refused_but_for_gradients():
    with pytest.raises(UnsupportedModelError, match="not a plain sum"):
        attribution(hooked("openai_gpt"), example(), METRIC)
    assert np.isfinite(integrated_gradient(hooked("openai_gpt"), example(), METRIC, steps=2).start)


def test_a_cap_is_said_and_the_terms_add_up_before_it():
    found = attribution(hooked("gemma2"), example(), METRIC).baseline
    assert "caps" in found.note
    close(terms_of(found).sum(), found.total, terms_of(found))


def test_logits_that_are_no_numbers_are_told():
    module = tiny_module()
    with torch.no_grad():
        module.transformer.ln_f.weight.fill_(float("nan"))
    model = mw.wrap(module, tiny_tokenizer())
    with pytest.raises(MechwidgetError, match="not finite"):
        attribution(model, PROMPT, mw.LogitDiff("mat", "rug"))


def test_a_prompt_of_300_tokens():
    ids = torch.arange(300).remainder(90).tolist()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=99,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.3,
    )
    model = mw.wrap(LlamaForCausalLM(config).eval())
    found = attribution(model, ids, METRIC).baseline
    close(found.total, found.metric, terms_of(found))
    tokens = integrated_gradient(model, ids, METRIC, of="tokens", steps=24)
    assert tokens.terms.tokens.shape == (300,)
    assert abs(tokens.gap) < 0.05 * max(1, abs(tokens.terms.value - tokens.start))


def test_a_prompt_of_one_token():
    found = attribution(hooked("gpt2"), [7], METRIC).baseline
    close(found.total, found.metric, terms_of(found))
    tokens = integrated_gradient(hooked("gpt2"), [7], METRIC, of="tokens", steps=16)
    assert tokens.terms.tokens.shape == (1,)
