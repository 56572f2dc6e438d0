"""What moves along an edge: beside sums written out by hand, on models of several shapes."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTJConfig,
    GPTJForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

import mechwidget as mw
from mechwidget.analysis import value_norms, value_weighted
from mechwidget.errors import UnsupportedModelError

IDS = [3, 1, 4, 1, 5, 9]
SMALL = {"vocab_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4}


def stirred(module):
    """Weights large enough to be told apart, biases that are not zero."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.4)
    return module.eval()


def gpt2():
    config = GPT2Config(
        vocab_size=40, n_embd=24, n_layer=2, n_head=3, bos_token_id=0, eos_token_id=0
    )
    return stirred(GPT2LMHeadModel(config))


def llama(**more):
    config = LlamaConfig(**SMALL, hidden_size=32, intermediate_size=48, num_key_value_heads=2)
    for name, value in more.items():
        setattr(config, name, value)
    return stirred(LlamaForCausalLM(config))


def bert():
    config = BertConfig(**SMALL, hidden_size=32, intermediate_size=48)
    return stirred(BertForMaskedLM(config))


def gptj():
    config = GPTJConfig(
        vocab_size=40,
        n_embd=32,
        n_layer=2,
        n_head=4,
        rotary_dim=4,
        n_positions=64,
        bos_token_id=0,
        eos_token_id=0,
    )
    return stirred(GPTJForCausalLM(config))


def explicit(module, projections, out_rows, layer, groups=1):
    """‖Σ over the width of pattern · v · W_O‖, entry by entry, from the module's own parts."""
    module.set_attn_implementation("eager")
    kept = {}
    value_of, output = projections(module, layer)
    handle = value_of[0].register_forward_hook(
        lambda _m, _i, result: kept.update(v=value_of[1](result))
    )
    with torch.no_grad():
        patterns = module(torch.tensor([IDS]), output_attentions=True).attentions[layer][0]
    handle.remove()
    heads, n = patterns.shape[0], len(IDS)
    v = kept["v"][0].reshape(n, heads // groups, -1)
    width = v.shape[-1]
    expected = torch.zeros(heads, n, n)
    for head in range(heads):
        w_o = out_rows(output)[head * width : (head + 1) * width]
        for query in range(n):
            for key in range(n):
                moved = patterns[head, query, key] * (v[key, head // groups] @ w_o)
                expected[head, query, key] = moved.norm()
    return expected


def of_gpt2(module, layer):
    attention = module.transformer.h[layer].attn
    return (attention.c_attn, lambda made: made.split(24, dim=-1)[2]), attention.c_proj.weight


def of_llama(module, layer):
    attention = module.model.layers[layer].self_attn
    return (attention.v_proj, lambda made: made), attention.o_proj.weight.T


def of_bert(module, layer):
    attention = module.bert.encoder.layer[layer].attention
    return (attention.self.value, lambda made: made), attention.output.dense.weight.T


def of_gptj(module, layer):
    attention = module.transformer.h[layer].attn
    return (attention.v_proj, lambda made: made), attention.out_proj.weight.T


CASES = {
    "conv1d and biases": (gpt2, of_gpt2, 1),
    "shared k/v heads": (llama, of_llama, 2),
    "biases of values": (lambda: llama(attention_bias=True), of_llama, 2),
    "post-LN encoder": (bert, of_bert, 1),
    "no site for v": (gptj, of_gptj, 1),
}


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_it_is_the_length_of_what_each_edge_adds(case, layer):
    build, parts, groups = CASES[case]
    expected = explicit(build(), parts, lambda weight: weight, layer, groups)
    found = value_weighted(mw.wrap(build()), IDS, layer)
    assert found.note == ""
    torch.testing.assert_close(found.values, expected, rtol=1e-3, atol=1e-5)


def test_what_the_edges_of_a_query_move_adds_up_to_what_the_head_writes():
    """An edge alone in its row moves all of it: the norm is that of z W_O."""
    module = gpt2()
    model = mw.wrap(module)
    run = model.run(IDS, [mw.ReplacePattern(mw.Head(1, 2), "previous")], read=["z", "pattern"])
    found = value_weighted(model, IDS, 1, [mw.ReplacePattern(mw.Head(1, 2), "previous")]).values
    w_o = module.transformer.h[1].attn.c_proj.weight[16:24]
    written = (run.read["z", 1][0, :, 2] @ w_o).norm(dim=-1)
    torch.testing.assert_close(found[2].sum(-1), written.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("build", [gpt2, gptj], ids=["v has a site", "v has none"])
def test_edits_below_count_and_an_edit_of_z_comes_after(build):
    model = mw.wrap(build())
    plain = value_weighted(model, IDS, 1).values
    torch.testing.assert_close(
        value_weighted(model, IDS, 1, [mw.Ablate(mw.Head(1, 0))]).values, plain
    )
    below = value_weighted(model, IDS, 1, [mw.Ablate(mw.MLP(0))]).values
    assert not torch.allclose(below, plain, rtol=1e-2)
    steered = model.run(IDS, [mw.Ablate(mw.MLP(0))], read=["pattern"]).read["pattern", 1][0]
    norms = value_norms(model, IDS, 1, [mw.Ablate(mw.MLP(0))]).norms
    torch.testing.assert_close(below, steered * norms[:, None])


def test_a_norm_after_the_attention_is_left_out_and_said():
    config = Gemma2Config(
        **SMALL, hidden_size=32, intermediate_size=48, num_key_value_heads=2, head_dim=8
    )
    found = value_norms(mw.wrap(stirred(Gemma2ForCausalLM(config))), IDS, 0)
    assert "norm that follows" in found.note
    assert bool((found.norms > 0).all())


def test_a_layer_without_a_plain_path_is_refused_with_the_reason():
    model = mw.wrap(llama())
    attention = model.model.model.layers[0].self_attn
    handle = attention.o_proj.register_forward_pre_hook(lambda _m, given: (given[0] * 1.5,))
    try:
        with pytest.raises(UnsupportedModelError, match="more than the pattern times"):
            value_norms(model, IDS, 0)
    finally:
        handle.remove()
    assert value_norms(model, IDS, 0).norms.shape == (4, len(IDS))
