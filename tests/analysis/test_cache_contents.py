"""The cache: what is shown is what the model's own `past_key_values` holds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    Lfm2Config,
    Lfm2ForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

import mechwidget as mw
from mechwidget.analysis import cache_contents
from mechwidget.errors import CancelledError, PromptError, UnsupportedModelError
from tests.models.zoo.build import hooked, shared
from tests.random_weights import built
from tests.session.tiny import PROMPT, tiny_model

IDS = [5, 6, 7, 8, 9, 10, 11, 12]
LATER = [3, 4, 20]


@torch.no_grad()
def own_cache(module, ids, later=()):
    """The cache of the model itself: the prompt at once, then token by token."""
    cache = module(input_ids=torch.tensor([ids]), use_cache=True).past_key_values
    for token in later:
        given = {"input_ids": torch.tensor([[token]]), "past_key_values": cache}
        cache = module(**given, use_cache=True).past_key_values
    return cache


@pytest.mark.parametrize("later", [(), LATER])
@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "mistral", "bloom", "deepseek_v3"])
def test_keys_and_values_are_those_of_past_key_values(name, later):
    found = cache_contents(hooked(name), IDS, generated=later)
    own = own_cache(shared(name), IDS, later).layers
    assert len(found.layers) == len(own)
    for layer, expected in zip(found.layers, own, strict=True):
        for vectors, tensor in ((layer.keys, expected.keys), (layer.values, expected.values)):
            held = tensor.shape[-2]
            assert vectors.width == tensor.shape[-1]
            assert layer.first == len(IDS) + len(later) - held
            norms = vectors.before[:, layer.first :]
            np.testing.assert_allclose(norms, tensor[0].norm(dim=-1), rtol=1e-5)
            assert np.isnan(vectors.before[:, : layer.first]).all()
    total = sum(each.keys.nbytes + each.values.nbytes for each in own)
    assert found.n_bytes == total


def test_a_sliding_window_shows_what_it_has_dropped():
    found = cache_contents(hooked("gemma2"), IDS, generated=LATER)
    sliding = [layer.window for layer in found.layers]
    assert sliding == [5, None, 5]
    assert [layer.first for layer in found.layers] == [
        7,
        0,
        7,
    ]  # a window of 5 keeps 4 for the next
    short = cache_contents(hooked("gemma2"), IDS[:3])
    assert [layer.first for layer in short.layers] == [0, 0, 0]


def test_grouped_heads_are_stored_once_and_one_token_costs_what_it_costs():
    found = cache_contents(hooked("llama"), IDS)
    assert {(layer.kv_heads, layer.heads, layer.kind) for layer in found.layers} == {
        (2, 4, "keys and values")
    }
    longer = cache_contents(hooked("llama"), [*IDS, 3])
    assert longer.n_bytes - found.n_bytes == found.bytes_per_token == 3 * 2 * 2 * 8 * 4
    latent = cache_contents(hooked("deepseek_v3"), IDS).layers[0]
    assert latent.kind == "latent"


def test_an_edit_changes_the_layers_after_it_where_it_is_and_later():
    model = tiny_model()
    edit = mw.Ablate(mw.MLP(0, positions=[4]))
    found = cache_contents(model, PROMPT, [edit])
    assert found.edited
    first, second, _ = found.layers
    assert (first.keys.change == 0).all()
    assert (second.keys.change[:, :4] == 0).all()
    assert (second.keys.change[:, 4] > 0).all()
    with_hook = own_edited(model, 4)
    np.testing.assert_allclose(second.keys.after, with_hook.keys[0].norm(dim=-1), rtol=1e-4)
    plain = own_cache(model.model, list(model.tokenize(PROMPT).ids)).layers[1]
    gap = (with_hook.keys - plain.keys)[0].norm(dim=-1)
    np.testing.assert_allclose(second.keys.change, gap, rtol=1e-4, atol=1e-5)


def own_edited(model, position):
    def silence(_module, _args, output):
        output = output.clone()
        output[:, position] = 0
        return output

    handle = model.model.transformer.h[0].mlp.register_forward_hook(silence)
    try:
        return own_cache(model.model, list(model.tokenize(PROMPT).ids)).layers[1]
    finally:
        handle.remove()


def test_edits_of_generated_tokens_leave_the_prompt_as_it_was():
    edit = mw.Ablate(mw.MLP(0))
    found = cache_contents(hooked("llama"), IDS, [edit], LATER, on="generated")
    changes = found.layers[1].values.change
    assert (changes[:, : len(IDS)] == 0).all()
    assert (changes[:, len(IDS) :] > 0).all()
    assert found.n_prompt == len(IDS)
    assert found.ids == (*IDS, *LATER)


def test_edits_inside_attention_are_compared_by_one_attention_function():
    """Ablating a head after the last layer's keys changes none: not by rounding either."""
    found = cache_contents(hooked("llama"), IDS, [mw.KnockOut(mw.Edge(2, 0, 5, 1))])
    assert all((layer.keys.change == 0).all() for layer in found.layers)


def test_a_recurrent_layer_has_a_state_instead():
    config = MambaConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=2, state_size=4, time_step_rank=2
    )
    model = mw.wrap(built(lambda: MambaForCausalLM(config)), name="mamba")
    found = cache_contents(model, IDS)
    assert {layer.kind for layer in found.layers} == {"state"}
    assert found.layers[0].states[0][0].startswith("conv state")
    assert found.bytes_per_token == 0
    assert found.n_bytes == cache_contents(model, IDS * 2).n_bytes


def test_a_hybrid_has_both_each_as_what_it_is():
    config = Lfm2Config(
        vocab_size=40, hidden_size=32, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, layer_types=["conv", "full_attention"],
    )  # fmt: skip
    model = mw.wrap(built(lambda: Lfm2ForCausalLM(config)), name="lfm2")
    kinds = [layer.kind for layer in cache_contents(model, IDS).layers]
    assert kinds == ["state", "keys and values"]


def test_cross_attention_has_a_cache_of_its_own_at_the_encoders_positions():
    config = T5Config(
        vocab_size=40, d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=4,
        decoder_start_token_id=0,
    )  # fmt: skip
    module = built(lambda: T5ForConditionalGeneration(config))
    model = mw.wrap(module, name="t5")
    prompt = mw.Inputs(encoder=[4, 5, 6, 7, 8], decoder=[0, 9, 10])
    found = cache_contents(model, prompt, [mw.Ablate(mw.MLP(0))])
    assert [(one.layer, one.cross) for one in found.layers] == [
        *((2, False), (2, True), (3, False), (3, True))
    ]
    with torch.no_grad():
        own = module(
            input_ids=torch.tensor([[4, 5, 6, 7, 8]]),
            decoder_input_ids=torch.tensor([[0, 9, 10]]),
            use_cache=True,
        ).past_key_values
    crosses = own.cross_attention_cache.layers[1].keys[0].norm(dim=-1)
    np.testing.assert_allclose(found.layers[3].keys.before, crosses, rtol=1e-5)
    assert (found.layers[1].keys.change > 0).all()  # the encoder's MLP was ablated
    with pytest.raises(UnsupportedModelError, match="two stacks"):
        cache_contents(model, prompt, generated=[3])


def test_one_token_and_many_and_nan_weights():
    assert cache_contents(hooked("llama"), [5]).layers[0].keys.before.shape == (2, 1)
    model = tiny_model()
    many = cache_contents(model, " ".join(["the cat sat on"] * 8))
    assert many.layers[2].values.before.shape == (3, 32)
    module = built(lambda: shared("gpt2").__class__(shared("gpt2").config))
    broken = mw.wrap(module, name="broken")
    cache_contents(broken, IDS)
    with torch.no_grad():
        module.transformer.h[1].attn.c_attn.weight[0, 32] = float("nan")
    assert np.isnan(cache_contents(broken, IDS).layers[1].keys.before).any()


def test_bad_input_is_refused_with_the_reason():
    with pytest.raises(UnsupportedModelError, match="without a cache: the model's cache does not"):
        cache_contents(hooked("openai_gpt"), IDS)
    with pytest.raises(PromptError, match="context is 32"):
        cache_contents(tiny_model(), "the cat", generated=[1] * 31)
    with pytest.raises(CancelledError):
        cache_contents(hooked("llama"), IDS, cancelled=lambda: True)
