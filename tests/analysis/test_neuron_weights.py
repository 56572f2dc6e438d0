"""What a neuron reads and writes, against products of the matrices themselves."""

from __future__ import annotations

import numpy as np
import peft
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import neuron_reads, neuron_writes
from mechwidget.errors import ComponentError
from tests.models.zoo.build import build, hooked, shared
from tests.session.encoders import two_stack_model

LAYER, INDEX = 1, 5
CLOSE = {"rtol": 2e-3, "atol": 2e-5}


def centred(x):
    return x - x.mean(-1, keepdim=True)


def layer_norm(norm, x):
    """The linear part of a layer norm at scale 1, `[d]`."""
    return norm.weight * centred(x)


def check(nearest, products):
    """The tokens and numbers are the top and the bottom of these products."""
    products = products.detach().float()
    top = products.topk(len(nearest.most))
    np.testing.assert_allclose(nearest.highest, top.values, **CLOSE)
    np.testing.assert_allclose(products[list(nearest.most)], top.values, **CLOSE)
    low = products.topk(len(nearest.least), largest=False)
    np.testing.assert_allclose(nearest.lowest, low.values, **CLOSE)


def read(model, neuron, name, weight, products):
    [found] = [one for one in neuron_reads(model, neuron).inputs if one.name == name]
    np.testing.assert_allclose(found.direction, weight.detach(), **CLOSE)
    check(found.tokens, products)
    return found


def test_conv1d_and_a_layer_norm():
    module, model, neuron = shared("gpt2"), hooked("gpt2"), mw.Neuron(LAYER, INDEX)
    block = module.transformer.h[LAYER]
    w_in = centred(block.ln_2.weight * block.mlp.c_fc.weight[:, INDEX])
    found = read(model, neuron, "in", w_in, module.transformer.wte.weight @ w_in)
    assert found.bias == pytest.approx(block.mlp.c_fc.bias[INDEX].item())
    written = neuron_writes(model, neuron)
    np.testing.assert_allclose(written.direction, block.mlp.c_proj.weight[INDEX].detach(), **CLOSE)
    final = layer_norm(module.transformer.ln_f, block.mlp.c_proj.weight[INDEX])
    check(written.tokens, module.lm_head.weight @ final)


def test_linear_with_relu():
    module, model, neuron = shared("opt"), hooked("opt"), mw.Neuron(LAYER, INDEX)
    decoder = module.model.decoder
    block = decoder.layers[LAYER]
    w_in = centred(block.final_layer_norm.weight * block.fc1.weight[INDEX])
    read(model, neuron, "in", w_in, decoder.embed_tokens.weight @ w_in)
    final = layer_norm(decoder.final_layer_norm, block.fc2.weight[:, INDEX])
    check(neuron_writes(model, neuron).tokens, module.lm_head.weight @ final)


def test_gate_and_up_are_told_apart():
    module, model, neuron = shared("llama"), hooked("llama"), mw.Neuron(LAYER, INDEX)
    block = module.model.layers[LAYER]
    gain, embed = block.post_attention_layernorm.weight, module.model.embed_tokens.weight
    for name, linear in (("gate", block.mlp.gate_proj), ("up", block.mlp.up_proj)):
        direction = gain * linear.weight[INDEX]
        read(model, neuron, name, direction, embed @ direction)
    assert [one.name for one in neuron_reads(model, neuron).inputs] == ["gate", "up"]
    final = module.model.norm.weight * block.mlp.down_proj.weight[:, INDEX]
    check(neuron_writes(model, neuron).tokens, module.lm_head.weight @ final)


def test_gate_and_up_in_one_matrix():
    module, model, neuron = shared("phi3"), hooked("phi3"), mw.Neuron(LAYER, INDEX)
    block = module.model.layers[LAYER]
    gate, up = block.mlp.gate_up_proj.weight.chunk(2)
    for name, weight in (("gate", gate), ("up", up)):
        direction = block.post_attention_layernorm.weight * weight[INDEX]
        read(model, neuron, name, direction, module.model.embed_tokens.weight @ direction)


def test_lora_is_part_of_what_is_read_and_written():
    base = build("llama")
    config = peft.LoraConfig(r=2, lora_alpha=8, target_modules=["gate_proj", "down_proj"])
    module = peft.get_peft_model(base, config).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.3)
    model, neuron = mw.wrap(module, name="adapted"), mw.Neuron(LAYER, INDEX)
    block = base.model.layers[LAYER]

    def whole(linear):
        a, b = linear.lora_A["default"].weight, linear.lora_B["default"].weight
        return linear.base_layer.weight + 4 * b @ a

    direction = block.post_attention_layernorm.weight * whole(block.mlp.gate_proj)[INDEX]
    read(model, neuron, "gate", direction, base.model.embed_tokens.weight @ direction)
    down = whole(block.mlp.down_proj)[:, INDEX]
    np.testing.assert_allclose(neuron_writes(model, neuron).direction, down.detach(), **CLOSE)


@pytest.mark.parametrize(("name", "interleaved"), [("mixtral", False), ("gpt_oss", True)])
def test_neurons_of_experts(name, interleaved):
    module, model, neuron = shared(name), hooked(name), mw.ExpertNeuron(LAYER, 2, INDEX)
    block = module.model.layers[LAYER]
    experts = block.mlp.experts
    gate_up = experts.gate_up_proj[2].T if interleaved else experts.gate_up_proj[2]
    n = model.n_expert_neurons(LAYER)
    at = (
        {"gate": 2 * INDEX, "up": 2 * INDEX + 1}
        if interleaved
        else {"gate": INDEX, "up": n + INDEX}
    )
    for part, place in at.items():
        direction = block.post_attention_layernorm.weight * gate_up[place]
        read(model, neuron, part, direction, module.model.embed_tokens.weight @ direction)
    down = experts.down_proj[2][INDEX] if interleaved else experts.down_proj[2][:, INDEX]
    written = neuron_writes(model, neuron)
    np.testing.assert_allclose(written.direction, down.detach(), **CLOSE)
    check(written.tokens, module.lm_head.weight @ (module.model.norm.weight * down))


def test_a_norm_after_the_mlp_is_folded_in():
    module, model, neuron = shared("gemma2"), hooked("gemma2"), mw.Neuron(LAYER, INDEX)
    block = module.model.layers[LAYER]
    gain = 1 + block.post_feedforward_layernorm.weight
    expected = gain * block.mlp.down_proj.weight[:, INDEX]
    np.testing.assert_allclose(neuron_writes(model, neuron).direction, expected.detach(), **CLOSE)


def test_what_has_no_direct_way_says_so():
    writes = neuron_writes(hooked("openai_gpt"), mw.Neuron(LAYER, INDEX))
    assert writes.tokens is None
    assert "not a plain sum" in writes.note
    encoders = two_stack_model()
    assert "does not answer" in neuron_writes(encoders, mw.Neuron(0, 3)).note
    reads = neuron_reads(encoders, mw.Neuron(0, 3))
    assert reads.inputs[0].tokens is None
    assert "not known" in reads.note


def test_what_does_not_exist_is_refused():
    with pytest.raises(ComponentError):
        neuron_reads(hooked("gpt2"), mw.Neuron(LAYER, 999))
    with pytest.raises(ComponentError):
        neuron_writes(hooked("mamba"), mw.Neuron(0, 0))


def test_a_large_vocabulary_goes_block_by_block(monkeypatch):
    whole = neuron_reads(hooked("gpt2"), mw.Neuron(LAYER, INDEX)).inputs[0].tokens
    module = __import__("mechwidget.analysis.neuron_weights", fromlist=["_"])
    monkeypatch.setattr(module, "_TOKENS_AT_ONCE", 10)
    parts = neuron_reads(hooked("gpt2"), mw.Neuron(LAYER, INDEX)).inputs[0].tokens
    assert parts.most == whole.most
    np.testing.assert_allclose(parts.highest, whole.highest, rtol=1e-5)


def test_weights_that_let_no_gradient_pass_are_probed():
    module = build("gpt2")
    fc = module.transformer.h[LAYER].mlp.c_fc
    fc.forward = lambda x, forward=fc.forward: forward(x.detach())
    neuron = mw.Neuron(LAYER, INDEX)
    [found] = neuron_reads(mw.wrap(module, name="closed"), neuron).inputs
    [expected] = neuron_reads(hooked("gpt2"), neuron).inputs
    np.testing.assert_allclose(found.direction, expected.direction, **CLOSE)


@pytest.mark.filterwarnings("ignore")
def test_int8_reads_what_it_was_made_of():
    module = torch.ao.quantization.quantize_dynamic(
        build("llama"), {torch.nn.Linear}, dtype=torch.qint8
    )
    model, neuron = mw.wrap(module, name="int8"), mw.Neuron(LAYER, INDEX)
    pairs = zip(
        neuron_reads(model, neuron).inputs,
        neuron_reads(hooked("llama"), neuron).inputs,
        strict=True,
    )
    for found, expected in pairs:
        size = np.linalg.norm(expected.direction)
        assert found.name == expected.name
        assert np.linalg.norm(found.direction - expected.direction) < 0.05 * size
