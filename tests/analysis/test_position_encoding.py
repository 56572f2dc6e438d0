"""Position encodings: what is found is what the model computes, or it is said why nothing is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import Gemma3TextConfig, T5Config, T5ForConditionalGeneration
from transformers.models.gemma3.modeling_gemma3 import Gemma3ForCausalLM
from transformers.models.llama import modeling_llama
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor

import mechwidget as mw
from mechwidget.analysis import position_encoding
from mechwidget.errors import CancelledError
from tests.models.zoo.build import build, hooked, shared
from tests.random_weights import built

IDS = [5, 6, 7, 8, 9, 10, 11]
ROTARY = ("llama", "qwen3", "gemma2", "phi", "gpt_neox", "cohere", "glm4", "deepseek_v3", "gpt_oss")


@pytest.mark.parametrize("name", ROTARY)
def test_angles_turn_unturned_queries_into_the_models_own(name):
    [one] = position_encoding(hooked(name), IDS).rotary
    assert one.pairing is not None
    assert one.error < 1e-5  # measured on the model's queries, with the rotation taken away
    module = shared(name)
    inverse = module.get_submodule(one.module).inv_freq
    np.testing.assert_allclose(one.inverse_frequencies, inverse, atol=1e-6)
    whole = np.arange(len(IDS))[:, None] * one.inverse_frequencies
    np.testing.assert_allclose(np.cos(one.angles), np.cos(whole), atol=1e-5)
    np.testing.assert_allclose(np.sin(one.angles), np.sin(whole), atol=1e-5)


def test_a_vector_is_turned_as_transformers_turns_it():
    [one] = position_encoding(hooked("llama"), IDS).rotary
    vectors = torch.randn(len(IDS), 4, 8)
    cosine, sine = (
        torch.tensor(np.concatenate([each(one.angles)] * 2, -1))[None] for each in (np.cos, np.sin)
    )
    own, _ = modeling_llama.apply_rotary_pos_emb(
        vectors.transpose(0, 1)[None], vectors.transpose(0, 1)[None], cosine, sine
    )
    turned = one.turned(vectors.numpy())
    np.testing.assert_allclose(turned, own[0].transpose(0, 1), atol=1e-5)
    assert (one.first, one.width, one.d_head, one.pairing) == (0, 8, 8, "halves")


def test_partial_and_adjacent_and_scaled_rotations_say_so():
    [phi] = position_encoding(hooked("phi"), IDS).rotary
    assert (phi.width, phi.d_head) == (4, 8)
    [cohere] = position_encoding(hooked("cohere"), IDS).rotary
    assert cohere.pairing == "adjacent"
    [latent] = position_encoding(hooked("deepseek_v3"), IDS).rotary
    assert (latent.first, latent.width, latent.d_head) == (8, 8, 16)
    [yarn] = position_encoding(hooked("gpt_oss"), IDS).rotary
    assert yarn.scaling == pytest.approx(shared("gpt_oss").model.rotary_emb.attention_scaling)
    assert yarn.named.startswith("yarn, factor 32")


def test_each_kind_of_layer_has_its_own_rotation():
    config = Gemma3TextConfig(
        vocab_size=40, hidden_size=32, intermediate_size=32, num_hidden_layers=3, head_dim=8,
        num_attention_heads=4, num_key_value_heads=2, sliding_window=4,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"],
    )  # fmt: skip
    model = mw.wrap(built(lambda: Gemma3ForCausalLM(config)), name="gemma3")
    local, whole = position_encoding(model, IDS).rotary
    assert (local.layers, whole.layers) == ((0, 1), (2,))
    assert local.inverse_frequencies[1] > whole.inverse_frequencies[1]
    assert max(local.error, whole.error) < 1e-5
    assert "1e+06" in whole.named


def test_a_table_inside_attention_is_read_where_no_module_returns_angles():
    [one] = position_encoding(hooked("gptj"), IDS).rotary
    table = shared("gptj").transformer.h[0].attn.embed_positions[: len(IDS)]
    np.testing.assert_allclose(np.sin(one.angles), table[:, :2], atol=1e-6)
    assert one.layers == (0, 1, 2)
    assert one.pairing is None  # its queries cannot be looked at


def test_learned_and_fixed_vectors_as_they_are():
    found = position_encoding(hooked("gpt2"), IDS)
    vectors = found.vectors
    assert (vectors.module, vectors.learned) == ("transformer.wpe", True)
    table = shared("gpt2").transformer.wpe.weight[: len(IDS)].detach()
    np.testing.assert_array_equal(vectors.vectors, table)
    unit = torch.nn.functional.normalize(table, dim=-1)
    np.testing.assert_allclose(vectors.cosines, unit @ unit.T, atol=1e-5)
    assert not found.rotary
    assert not found.relative
    assert position_encoding(hooked("xglm"), IDS).vectors.learned is False


@pytest.mark.parametrize("name", ["bloom", "mpt", "falcon_alibi"])
def test_alibi_slopes(name):
    found = position_encoding(hooked(name), IDS)
    assert not found.rotary  # Falcon computes angles beside it, and turns nothing by them
    [one] = found.relative
    own = build_mpt_alibi_tensor(4, 8, alibi_bias_max=8)[:, 0]
    np.testing.assert_allclose(one.slopes, own[:, 1] - own[:, 0], rtol=1e-3)
    assert one.layers == (0, 1, 2)


def test_a_table_of_relative_biases_by_distance():
    config = T5Config(
        vocab_size=40, d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=4,
        decoder_start_token_id=0, relative_attention_num_buckets=8,
    )  # fmt: skip
    module = built(lambda: T5ForConditionalGeneration(config))
    model = mw.wrap(module, name="t5")
    found = position_encoding(model, mw.Inputs(encoder=[4, 5, 6], decoder=[0, 9, 10, 3]))
    [one] = found.relative
    attention = module.decoder.block[0].layer[0].SelfAttention
    own = attention.compute_bias(4, 4)[0].detach()
    for at, distance in enumerate(one.distances):
        np.testing.assert_array_equal(one.bias[:, at], own.diagonal(int(distance), 1, 2)[:, 0])
    assert found.vectors is None


def test_one_token_has_frequencies_too_and_none_is_told_with_the_reason():
    [one] = position_encoding(hooked("llama"), [5]).rotary
    assert one.angles.shape == (1, 4)
    np.testing.assert_allclose(one.inverse_frequencies, 10000 ** -(np.arange(4) / 4), rtol=1e-5)
    none = position_encoding(hooked("mamba"), IDS)
    assert (none.vectors, none.rotary, none.relative) == (None, (), ())
    assert "recurrent layer" in none.reason
    with pytest.raises(CancelledError):
        position_encoding(hooked("llama"), IDS, cancelled=lambda: True)


def test_broken_weights_do_not_hide_the_encoding():
    module = build("llama")
    model = mw.wrap(module, name="broken")
    with torch.no_grad():
        module.model.embed_tokens.weight[6] = float("nan")
    [one] = position_encoding(model, IDS).rotary
    assert one.pairing is None
    np.testing.assert_allclose(one.inverse_frequencies[0], 1)
