"""The maps of heads: those that the weights say, however a model stores and shares them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import mechwidget as mw
from mechwidget.analysis import head_maps
from mechwidget.analysis.head_maps import NORMED, NOT_LINEAR, value_maps
from mechwidget.errors import CancelledError, ComponentError, MechwidgetError, UnsupportedModelError
from tests.models.zoo.build import build, hooked, shared
from tests.models.zoo.species import HEADS, WIDTH
from tests.zoo.build import build as build_any

D_HEAD = WIDTH // HEADS


def close(ours, theirs, room=1e-4):
    torch.testing.assert_close(ours, theirs, atol=room * float(theirs.abs().max()), rtol=0)


@torch.no_grad()
def test_of_gpt2_they_are_its_weights_with_the_norm_folded():
    block, maps = shared("gpt2").transformer.h[1], head_maps(hooked("gpt2"), 1)
    fold = (torch.eye(WIDTH) - 1 / WIDTH) @ torch.diag(block.ln_1.weight)
    for made, which in ((maps.q, 0), (maps.k, 1), (maps.v, 2)):
        part = slice(which * WIDTH, (which + 1) * WIDTH)
        weight = (fold @ block.attn.c_attn.weight)[:, part].reshape(WIDTH, HEADS, D_HEAD)
        bias = (block.ln_1.bias @ block.attn.c_attn.weight + block.attn.c_attn.bias)[part]
        close(made.weight, weight.transpose(0, 1))
        close(made.bias, bias.reshape(HEADS, D_HEAD))
    close(maps.o, block.attn.c_proj.weight.reshape(HEADS, D_HEAD, WIDTH))
    close(maps.scale, torch.full((HEADS,), D_HEAD**-0.5))
    assert maps.norm.centres
    assert not maps.rotates
    assert maps.cap == 0


@torch.no_grad()
def test_heads_that_share_a_key_value_head_have_the_same_maps():
    attention, maps = shared("llama").model.layers[2].self_attn, head_maps(hooked("llama"), 2)
    gain = torch.diag(shared("llama").model.layers[2].input_layernorm.weight)
    for made, projection in ((maps.k, attention.k_proj), (maps.v, attention.v_proj)):
        assert torch.equal(made.weight[0], made.weight[1])
        weight = (gain @ projection.weight.T).reshape(WIDTH, 2, D_HEAD).transpose(0, 1)
        close(made.weight[::2], weight)
    weight = (gain @ attention.q_proj.weight.T).reshape(WIDTH, HEADS, D_HEAD)
    close(maps.q.weight, weight.transpose(0, 1))
    assert maps.rotates


def test_a_distance_turns_queries_and_nothing_else():
    here, there = (head_maps(hooked("llama"), 1, distance=distance) for distance in (0, 3))
    assert float((here.q.weight - there.q.weight).norm()) > 0.1 * float(here.q.weight.norm())
    close(there.q.weight.norm(dim=(1, 2)), here.q.weight.norm(dim=(1, 2)))  # a rotation
    assert torch.equal(here.k.weight, there.k.weight)
    assert torch.equal(here.v.weight, there.v.weight)


def test_what_is_no_linear_map_says_why_and_the_rest_is_there():
    qwen = head_maps(hooked("qwen3"), 1)
    assert (qwen.q, qwen.k, qwen.qk_reason) == (None, None, NORMED)
    assert qwen.v is not None
    falcon = head_maps(hooked("falcon"), 1)
    assert "shows no queries" in falcon.qk_reason
    assert falcon.v is not None
    deep = head_maps(hooked("deepseek_v3"), 1)
    assert (deep.v, deep.v_reason) == (None, NOT_LINEAR)
    assert head_maps(hooked("gemma2"), 0).cap == pytest.approx(50, abs=0.1)


def test_several_layers_in_one_go_are_those_one_by_one():
    found = value_maps(hooked("gpt2"), [0, 1, 2])
    for layer in range(3):
        close(found[layer].weight, head_maps(hooked("gpt2"), layer).v.weight)


def test_layers_without_a_path_are_refused():
    for name, layer, why in (
        ("opt_post_norm", 1, "normed together"),
        ("mamba", 0, "no attention heads"),
        ("bamba", 0, "no attention heads"),
    ):
        with pytest.raises(UnsupportedModelError, match=why):
            head_maps(hooked(name), layer)
    bert = mw.wrap(build_any("bert", "encoder"), name="bert")
    with pytest.raises(UnsupportedModelError, match="normed together"):
        head_maps(bert, 0)
    with pytest.raises(ComponentError, match="no layer 9"):
        head_maps(hooked("gpt2"), 9)
    with pytest.raises(CancelledError):
        head_maps(hooked("gpt2"), 1, cancelled=lambda: True)


@torch.no_grad()
def test_weights_that_are_no_numbers_are_said_to_be_so():
    model = mw.wrap(build("gpt2"))
    model.model.transformer.h[1].attn.c_attn.weight[3, 5] = float("nan")
    with pytest.raises(MechwidgetError, match="NaN or infinite"):
        head_maps(model, 1)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_lora_merged_is_lora_unmerged(kind):
    peft = pytest.importorskip("peft")
    from tests.models.test_adapters import adapted, merged

    assert peft
    model = adapted(kind)
    ours, plain = head_maps(mw.wrap(model), 1), head_maps(mw.wrap(merged(model)), 1)
    for name in ("q", "k", "v"):
        close(getattr(ours, name).weight, getattr(plain, name).weight)
    close(ours.o, plain.o)
    assert float((plain.v.weight - head_maps(hooked(kind), 1).v.weight).norm()) > 0.1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_dynamic_int8_is_what_its_integers_say():
    quantise = getattr(torch.ao.quantization, "quantize_dynamic", None)
    if quantise is None:
        pytest.skip("this torch has no dynamic int8")
    module = quantise(copy.deepcopy(build("llama")), {nn.Linear}, dtype=torch.qint8).eval()
    maps = head_maps(mw.wrap(module), 1)
    attention = module.model.layers[1].self_attn
    gain = torch.diag(module.model.layers[1].input_layernorm.weight.detach())
    weight = gain @ attention.q_proj.weight().dequantize().T
    close(maps.q.weight, weight.reshape(WIDTH, HEADS, D_HEAD).transpose(0, 1), room=0.02)
    weight = attention.o_proj.weight().dequantize().T
    close(maps.o, weight.reshape(HEADS, D_HEAD, WIDTH), room=0.02)
