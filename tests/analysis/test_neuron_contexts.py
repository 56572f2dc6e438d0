"""The contexts of neurons are what a loop over all prompts finds."""

from __future__ import annotations

from functools import cache
from importlib import import_module

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.analysis import neuron_contexts, read_corpus
from mechwidget.analysis.neuron_contexts import LayerScan, contexts_of, cut_tokens
from mechwidget.errors import CancelledError, ComponentError, MechwidgetError
from tests.models.zoo.build import build, hooked
from tests.session.encoders import two_stack_model
from tests.session.tiny import WORDS, tiny_model

PROMPTS = st.lists(
    st.lists(st.sampled_from(WORDS[:9]), min_size=1, max_size=12).map(" ".join),
    min_size=1,
    max_size=14,
)


@cache
def model():
    return tiny_model()


def brute_force(model, prompts, neuron, k):
    """`(highest, lowest, values)`: `(value, prompt, position)` by a loop over single runs."""
    rows, values = [], []
    for index, prompt in enumerate(prompts):
        tokens, _ = cut_tokens(model, prompt)
        if isinstance(neuron, mw.ExpertNeuron):
            sites = [("experts", neuron.layer), ("expert_post", neuron.layer)]
            read = model.run(tokens, read=sites).read
            along = read["expert_post", neuron.layer][0, :, neuron.expert, neuron.index]
            here = (read["experts", neuron.layer][0] == neuron.expert).any(-1)
        else:
            along = model.run(tokens, read=[neuron.site]).read[neuron.site][0, :, neuron.index]
            here = torch.ones_like(along, dtype=torch.bool)
        numbers = [(float(along[at]), at) for at in here.nonzero().flatten().tolist()]
        values += [value for value, _ in numbers]
        if numbers:
            high = max(numbers, key=lambda one: (one[0], -one[1]))
            low = min(numbers)
            rows.append(((high[0], index, high[1]), (low[0], index, low[1])))
    highest = sorted((high for high, _ in rows if high[0] > 0), key=lambda one: -one[0])[:k]
    lowest = sorted((low for _, low in rows if low[0] < 0), key=lambda one: one[0])[:k]
    return highest, lowest, np.array(values, dtype=np.float32)


def same(found, expected):
    """The same peaks, but for those that are equal but for rounding and may change places."""
    np.testing.assert_allclose([c.value for c in found], [v for v, *_ in expected], atol=2e-5)
    for context, (value, prompt, position) in zip(found, expected, strict=True):
        near = [abs(value - other) < 1e-4 for other, *_ in expected]
        if sum(near) == 1 and abs(value - expected[-1][0]) > 1e-4:
            assert (context.prompt, context.position) == (prompt, position)


@settings(max_examples=25, deadline=None)
@given(PROMPTS, st.integers(0, 2), st.integers(0, 95), st.integers(1, 6))
def test_contexts_are_what_a_loop_finds(prompts, layer, index, k):
    neuron = mw.Neuron(layer, index)
    [found] = neuron_contexts(model(), prompts, neuron, k=k)
    distinct = list(dict.fromkeys(prompts))
    highest, lowest, values = brute_force(model(), distinct, neuron, k)
    same(found.highest, highest)
    same(found.lowest, lowest)
    assert (found.looked, found.total, found.tokens) == (len(distinct),) * 2 + (len(values),)
    unsure = int((np.abs(values) < 1e-5).sum())
    assert abs(found.fired - int((values > 0).sum())) <= unsure
    assert found.mean == pytest.approx(values.mean(), abs=1e-5)
    assert found.counts.sum() == len(values)
    assert not found.partial
    for context in found.highest:
        assert context.activations[context.position] == pytest.approx(context.value, abs=2e-5)
        assert np.argmax(context.activations) == context.position or (
            context.activations.max() - context.value < 1e-5
        )
        assert len(context.activations) == len(context.tokens)


@pytest.mark.parametrize("name", ["mixtral", "gpt_oss"])
def test_neurons_of_experts_count_where_tokens_were_sent(name):
    chance = torch.Generator().manual_seed(0)
    prompts = [torch.randint(3, 90, (n,), generator=chance).tolist() for n in (5, 9, 2, 12, 9)]
    neurons = [mw.ExpertNeuron(1, expert, 7) for expert in range(4)]
    for neuron, found in zip(
        neurons, neuron_contexts(hooked(name), prompts, neurons, k=3), strict=True
    ):
        highest, lowest, values = brute_force(hooked(name), prompts, neuron, 3)
        same(found.highest, highest)
        same(found.lowest, lowest)
        assert found.tokens == len(values)
        for context in found.highest:
            assert np.isfinite(context.activations[context.position])
            assert (
                np.isnan(context.activations).sum()
                == len(context.tokens) - np.isfinite(context.activations).sum()
            )


def test_all_neurons_of_a_layer_come_from_one_pass():
    corpus = read_corpus([" ".join(WORDS[n : n + 6]) for n in range(20)])
    scan = LayerScan(model(), corpus, 1, k=4)
    while not scan.done:
        scan.step()
    for index in (0, 50, 95):
        highest, *_ = brute_force(model(), corpus.prompts, mw.Neuron(1, index), 4)
        same(contexts_of(model(), corpus, scan.found, mw.Neuron(1, index)).highest, highest)
    # What is kept is of the neurons, however many prompts there are.
    longer = LayerScan(model(), read_corpus(str(n) for n in range(100_000)), 1, k=4)
    assert longer.found.n_bytes == scan.found.n_bytes


def test_a_neuron_that_never_fires_has_no_contexts():
    module = build("opt")  # relu: below its threshold it is 0
    with torch.no_grad():
        module.model.decoder.layers[1].fc1.bias[5] = -1e4
    opt = mw.wrap(module, name="opt")
    [found] = neuron_contexts(opt, [[5, 6, 7], [8, 9]], mw.Neuron(1, 5))
    assert (found.highest, found.lowest, found.fired, found.mean) == ((), (), 0, 0)
    assert found.counts.sum() == found.tokens == 5


def test_prompts_that_are_too_long_are_cut_and_counted():
    long = " ".join(["cat"] * 50)  # the model reads 32
    [found] = neuron_contexts(model(), [long, "the cat sat"], mw.Neuron(0, 3))
    assert (found.cut, found.tokens, found.skipped) == (1, 35, 0)
    assert max(len(one.tokens) for one in (*found.highest, *found.lowest)) == 32
    [found] = neuron_contexts(model(), [long], mw.Neuron(0, 3), most_tokens=4)
    assert (found.cut, found.tokens) == (1, 4)


def test_prompts_that_cannot_be_run_are_left_out_and_told():
    [found] = neuron_contexts(model(), ["the cat", [1, 99_999], [5, 6]], mw.Neuron(0, 3))
    assert (found.looked, found.skipped, found.tokens) == (3, 1, 4)
    assert "prompt 1: Token id 99999" in found.why_skipped


def test_numbers_that_are_none_are_left_out_and_told():
    broken = tiny_model()
    with torch.no_grad():
        broken.model.transformer.wte.weight[5] = float("nan")
    [found] = neuron_contexts(broken, [[1, 2], [5, 6]], mw.Neuron(0, 3))
    assert (found.skipped, found.tokens) == (1, 2)
    assert "not finite" in found.why_skipped


def test_what_was_done_before_it_was_cancelled_stays(monkeypatch):
    module = import_module("mechwidget.analysis.neuron_contexts")
    monkeypatch.setattr(module, "_TOKENS_OF_A_STEP", 20)
    prompts = [" ".join(WORDS[n : n + 8]) for n in range(12)]
    told = []
    neuron = mw.Neuron(1, 4)

    def enough():
        return len(told) == 2

    [found] = neuron_contexts(
        model(), prompts, neuron, cancelled=enough, told=lambda one: told.append(one.looked)
    )
    assert found.partial
    assert (found.looked, found.total) == (told[-1], 12)
    highest, *_ = brute_force(model(), prompts[: found.looked], neuron, 16)
    assert found.highest[0].value == pytest.approx(highest[0][0], abs=1e-5)
    # It goes on from there.
    scan = LayerScan(model(), read_corpus(prompts), 1)
    scan.step()
    with pytest.raises(CancelledError):
        scan.step(lambda: True)
    rest = LayerScan(model(), read_corpus(prompts), 1, found=scan.found)
    while not rest.done:
        rest.step()
    whole = contexts_of(model(), read_corpus(prompts), rest.found, neuron)
    same(whole.highest, brute_force(model(), prompts, neuron, 16)[0])
    assert whole.tokens == 96


def test_an_encoders_neurons_stand_over_what_it_reads():
    t5 = two_stack_model()
    prompts = ["the cat sat on", "a dog ran"]
    [found] = neuron_contexts(t5, prompts, mw.Neuron(0, 3))
    lengths = {len(one.activations) for one in (*found.highest, *found.lowest)}
    assert lengths <= {t5.tokenize(prompt).longest for prompt in prompts}


def test_bad_input_is_refused():
    with pytest.raises(MechwidgetError, match="empty"):
        neuron_contexts(model(), [], mw.Neuron(0, 3))
    with pytest.raises(ComponentError):
        neuron_contexts(model(), ["cat"], mw.Neuron(0, 999))
    with pytest.raises(ComponentError, match="no neurons of its own"):
        neuron_contexts(hooked("mixtral"), [[5]], mw.Neuron(0, 0))
    with pytest.raises(MechwidgetError, match="k is 0"):
        neuron_contexts(model(), ["cat"], mw.Neuron(0, 3), k=0)
