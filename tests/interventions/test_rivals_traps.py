"""The traps that rivals fell into (FIELD.md, 1C): each test would fail on the rival's mistake.

The first (a slice of the output projection's output is no head) is in `test_heads`; the tenth (a
cache of keys and values that survives its interventions) is tested with generation, and here for
what runs remember.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, LlamaConfig

import mechwidget as mw
from mechwidget.dictionaries import find_dictionary
from mechwidget.errors import InterventionError
from tests.dictionaries.made import registered
from tests.interventions.parts import TRAITS
from tests.models.zoo.build import (
    build,
    edited_copy,
    example,
    hooked,
    own_logits,
    shared,
    zero_head_weights,
)
from tests.models.zoo.species import WIDTH
from tests.random_weights import built
from tests.zoo.build import build as build_kind

LAW = {"atol": 2e-5, "rtol": 1e-5}
BLOCKS = {"gpt2": "transformer.h.{}", "llama": "model.layers.{}", "gemma2": "model.layers.{}"}


def far(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max())


@pytest.mark.parametrize("name", BLOCKS)
def test_2_a_layer_without_effect_hands_its_stream_on_and_does_not_delete_it(name: str) -> None:
    model, ids, layer = hooked(name), example(), 1
    path = BLOCKS[name].format(layer)

    def with_output(replace) -> torch.Tensor:
        other = edited_copy(shared(name))

        def hook(_module, args, kwargs, out):
            stream = args[0] if args else kwargs["hidden_states"]
            return replace(out, stream)

        other.get_submodule(path).register_forward_hook(hook, with_kwargs=True)
        return own_logits(other, ids)

    rivals = with_output(
        lambda out, _: (out[0] * 0, *out[1:]) if isinstance(out, tuple) else out * 0
    )
    identity = with_output(lambda out, x: (x, *out[1:]) if isinstance(out, tuple) else x)
    skipped = model.run(ids, [mw.SkipLayer(layer)]).logits
    assert torch.equal(skipped, identity)
    assert far(skipped, rivals) > 0.1
    deltas = model.run(ids, [mw.Ablate(mw.Attention(layer)), mw.Ablate(mw.MLP(layer))]).logits
    assert torch.equal(deltas, skipped)
    with pytest.raises(InterventionError) as caught:
        mw.Ablate(mw.Layer(layer))
    assert "SkipLayer takes a layer out" in caught.value.hint


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_3_a_features_edit_keeps_the_error_and_never_takes_it_against_itself(name: str) -> None:
    """decode(edited) + (x - decode(encode(x))), where x is what flowed before anything was edited.

    A rival splices the reconstruction in and adds an error that is recomputed behind the edit,
    x - decode(edited): the sum is x, and the edit is gone. Another reads the features anew after
    each edit, so that zeroing all of them leaves some.
    """
    model, ids, of = hooked(name), example(), registered(WIDTH, ("resid_pre", 1), None)
    known, site = find_dictionary(of), mw.Site("resid_pre", 1)
    x = model.run(ids, read=[site]).read[site]
    error, edited = x - known.decode(known.encode(x)), known.encode(x)
    edited[..., 3] = 9.0
    recomputed = known.decode(edited) + (x - known.decode(edited))
    assert far(recomputed, x) < 1e-5  # the rival's edit changes nothing
    found = model.run(ids, [mw.SetValue(mw.Feature(of, 3), 9.0)], read=[site]).read[site]
    assert torch.allclose(found, known.decode(edited) + error, **LAW)
    assert far(found, x) > 0.5
    everything = [mw.Ablate(mw.Feature(of, index)) for index in range(known.n_features)]
    left = model.run(ids, everything, read=[site]).read[site]
    assert torch.allclose(left, known["b_dec"] + error, **LAW)
    one_by_one = x
    for index in range(known.n_features):
        one_by_one = one_by_one - known.encode(one_by_one)[..., index, None] * known["W_dec"][index]
    assert far(one_by_one, left) > 0.1  # what reading anew after each edit would have left


@pytest.mark.parametrize("heads", [(8, 2), (8, 1), (8, 8)])
def test_4_heads_are_split_by_their_own_width_and_grouped_keys_have_their_own_number(heads) -> None:
    """Width 20 per head is neither d_model / heads nor d_model / key heads."""
    torch.manual_seed(0)
    queries, keys = heads
    config = LlamaConfig(
        hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=queries,
        num_key_value_heads=keys, head_dim=20, intermediate_size=48, vocab_size=99,
    )  # fmt: skip
    module = built(lambda: AutoModelForCausalLM.from_config(config))
    model, ids = mw.wrap(module), example()
    assert (model.n_heads(1), model.n_key_value_heads(1)) == heads
    read = model.run(ids, read=["z", "q", "k", "v"]).read
    assert read["z", 1].shape == read["q", 1].shape == (1, 11, queries, 20)
    assert read["k", 1].shape == read["v", 1].shape == (1, 11, keys, 20)
    for head in range(queries):
        operated = copy.deepcopy(module)
        zero_head_weights(operated.model.layers[1].self_attn.o_proj, head, queries)
        run = model.run(ids, [mw.Ablate(mw.Head(1, head))])
        assert torch.equal(run.logits, own_logits(operated, ids))
    with pytest.raises(mw.MechwidgetError, match=f"has {queries} heads"):
        model.run(ids, [mw.Ablate(mw.Head(1, queries))])


@pytest.mark.parametrize("name", ["gemma2", "gemma3", "olmo2", "glm4"])
def test_5_what_is_written_is_what_the_norm_after_the_sublayer_lets_through(name: str) -> None:
    model, ids, raw = hooked(name), example(), {}
    other = edited_copy(shared(name))
    for part in ("self_attn", "mlp"):
        other.model.layers[1].get_submodule(part).register_forward_hook(
            lambda _m, _a, out, part=part: raw.update(
                {part: out[0] if isinstance(out, tuple) else out}
            )
        )
    own_logits(other, ids)
    read = model.run(ids, read=["resid_pre", "attn_out", "mlp_out", "resid_post"]).read
    added = read["resid_post", 1] - read["resid_pre", 1]
    assert torch.allclose(read["attn_out", 1] + read["mlp_out", 1], added, **LAW)
    assert far(raw["self_attn"] + raw["mlp"], added) > 0.5


def test_6_granite_multiplies_what_it_writes() -> None:
    model, ids = hooked("granite"), example()
    read = model.run(ids, read=["resid_pre", "attn_out", "mlp_out", "resid_post", "z"]).read
    total = read["resid_pre", 1] + read["attn_out", 1] + read["mlp_out", 1]
    assert torch.allclose(total, read["resid_post", 1], **LAW)
    with torch.no_grad():
        unscaled = shared("granite").model.layers[1].self_attn.o_proj(read["z", 1].flatten(2))
    assert torch.allclose(read["attn_out", 1], 0.22 * unscaled, **LAW)
    assert far(unscaled, read["attn_out", 1]) > 0.1


@pytest.mark.parametrize("name", ["bloom", "mpt"])
def test_6_sublayers_that_add_the_stream_themselves_are_read_without_it(name: str) -> None:
    read = hooked(name).run(example(), read=["resid_pre", "attn_out", "mlp_out", "resid_post"]).read
    total = read["resid_pre", 1] + read["attn_out", 1] + read["mlp_out", 1]
    assert torch.allclose(total, read["resid_post", 1], **LAW)
    off = hooked(name).run(example(), [mw.Ablate(mw.Attention(1)), mw.Ablate(mw.MLP(1))],
                           read=["resid_pre", "resid_post"]).read  # fmt: skip
    assert torch.equal(off["resid_pre", 1], off["resid_post", 1])


@pytest.mark.parametrize("kind", ["qwen3_next", "qwen3_5_text"])
def test_6_behind_a_gate_z_is_not_pattern_times_values_and_still_the_head(kind: str) -> None:
    module = build_kind(kind)
    model, ids = mw.wrap(module), example()
    layer = next(n for n in range(model.n_layers) if model.n_heads(n))
    read = model.run(ids, read=[("pattern", layer), ("v", layer), ("z", layer)]).read
    heads = model.n_heads(layer)
    values = read["v", layer].repeat_interleave(heads // read["v", layer].shape[2], 2)
    made = torch.einsum("bhqk,bkhd->bqhd", read["pattern", layer], values)
    assert far(made, read["z", layer]) > 0.01
    place = model.ledger.blocks[layer].write("attention").projection
    operated = copy.deepcopy(module)
    zero_head_weights(operated.get_submodule(place.module), 1, heads)
    run = model.run(ids, [mw.Ablate(mw.Head(layer, 1))])
    assert torch.allclose(run.logits, own_logits(operated, ids), **LAW)


def test_6_a_sink_keeps_its_share_when_an_edge_is_cut() -> None:
    model, edge = hooked("gpt_oss"), mw.Edge(1, 0, 3, 2)
    plain = model.run(example(), read=[("pattern", 1)]).read["pattern", 1][0, 0, 3]
    cut = model.run(example(), [mw.KnockOut(edge)], read=[("pattern", 1)])
    row, rest = cut.read["pattern", 1][0, 0, 3], 1 - plain.sum()
    assert rest > 0.01
    expected = plain.clone()
    expected[2] = 0
    assert torch.allclose(row, expected / (expected.sum() + rest), atol=1e-6)
    assert row.sum() < 1 - 0.01


def test_6_logits_are_read_behind_the_softcap() -> None:
    model, ids = hooked("gemma2"), example()
    last = ("resid_post", model.n_layers - 1)
    run = model.run(ids, read=[last, "logits"])
    with torch.no_grad():
        lens = shared("gemma2").lm_head(shared("gemma2").model.norm(run.read[last]))
    cap = shared("gemma2").config.final_logit_softcapping
    assert torch.equal(run.read["logits"], run.logits)
    assert torch.allclose(run.logits, cap * torch.tanh(lens / cap), **LAW)
    assert far(run.logits, lens) > 1e-3


def test_6_a_sliding_window_is_seen_once_the_prompt_is_longer_than_it() -> None:
    model = hooked("mistral")  # a window of 5
    short = model.run(example(5), read=[("pattern", 0)]).read["pattern", 0]
    long = model.run(example(11), read=[("pattern", 0)]).read["pattern", 0]
    assert (short.tril() > 0).sum() == 4 * 15
    assert long[..., 10, :6].abs().max() == 0
    assert (long[..., 10, 6:] > 0).all()


@pytest.mark.parametrize("name", ["gpt2", "llama", "mistral"])
def test_7_patterns_are_there_whatever_attention_the_user_chose(name: str) -> None:
    ids = example()
    sdpa, eager = (build(name, attn_implementation=how) for how in ("sdpa", "eager"))
    with torch.no_grad():
        theirs = eager(input_ids=ids, output_attentions=True).attentions
    model = mw.wrap(sdpa)
    run = model.run(ids, read=["pattern"])
    for layer, pattern in enumerate(theirs):
        assert torch.allclose(run.read["pattern", layer], pattern, atol=1e-6)
    assert run.attention == "explicit"
    assert model.run(ids).attention == "own"
    assert sdpa.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_8_a_compiled_model_is_steered_and_a_hook_that_never_fires_is_an_error(name: str) -> None:
    """Late hooks on a compiled module do nothing, without a word; ours run or raise."""
    ids, module = example(), build(name)
    compiled = torch.compile(copy.deepcopy(module), backend="eager")
    edit = [mw.Steer(mw.Residual(1), [1.0] * WIDTH, 3.0)]
    run = mw.wrap(compiled).run(ids, edit)
    assert torch.allclose(run.logits, mw.wrap(module).run(ids, edit).logits, **LAW)
    assert run.fired[0].change > 0
    model = mw.wrap(module)

    class Shortcut(type(module)):
        def forward(self, input_ids, **_others):
            head = self.lm_head
            return (head(self.get_input_embeddings()(input_ids)),)  # the blocks are never called

    module.__class__ = Shortcut
    with pytest.raises(InterventionError, match=r"never came past resid_pre\.1"):
        model.run(ids, edit)


def folded(name: str) -> nn.Module:
    """TransformerLens's convention: the values' bias is in the output projection's."""
    other = edited_copy(shared(name))
    for block in other.transformer.h:
        attn = block.attn
        with torch.no_grad():
            values = attn.c_attn.bias[2 * WIDTH :].clone()
            attn.c_proj.bias += values @ attn.c_proj.weight
            attn.c_attn.bias[2 * WIDTH :] = 0
    return other


def test_9_zero_takes_the_value_bias_with_it_and_folding_would_change_what_zero_means() -> None:
    ids, layer, head, reference = example(), 1, 2, [example(9).roll(1), example(11).roll(3)]
    raw, other = hooked("gpt2"), mw.wrap(folded("gpt2"))
    assert torch.allclose(raw.run(ids).logits, other.run(ids).logits, **LAW)
    zero = mw.Ablate(mw.Head(layer, head))
    assert far(raw.run(ids, [zero]).logits, other.run(ids, [zero]).logits) > 0.01
    bias = shared("gpt2").transformer.h[layer].attn.c_attn.bias[2 * WIDTH :].view(4, 8)[head]
    their_zero = mw.SetValue(mw.Head(layer, head), bias)
    assert torch.allclose(raw.run(ids, [their_zero]).logits, other.run(ids, [zero]).logits, **LAW)
    for same in (
        mw.Ablate(mw.Head(layer, head), "mean", reference),
        mw.Ablate(mw.Head(layer, head), "resample", reference),
        mw.Patch(mw.Head(layer, head), example(11).flip(1)),
        mw.KnockOut(mw.Edge(layer, head, 5, 2)),
        mw.Ablate(mw.Attention(layer)),
    ):
        assert torch.allclose(raw.run(ids, [same]).logits, other.run(ids, [same]).logits, **LAW)


@pytest.mark.parametrize("name", TRAITS)
def test_10_what_an_edited_run_computed_is_never_remembered_as_the_models(name: str) -> None:
    ids, steer = example(), [mw.Steer(mw.Residual(0), [1.0] * WIDTH, 3.0)]
    model = mw.wrap(shared(name))
    steered = model.run(ids, steer).logits
    assert torch.equal(model.run(ids).logits, own_logits(shared(name), ids))
    assert torch.equal(model.run(ids, steer).logits, steered)
    rows = model.run_rows(ids, [steer, []])
    assert torch.equal(model.run(ids).logits, own_logits(shared(name), ids))
    if rows[0].plan.rows > 1:
        assert torch.allclose(rows[1].logits, rows.baseline(1).logits, **LAW)
