"""What the tests of published numbers compute, on random tiny models of the same classes.

The published models are seldom in the cache: their tests then say that they did not run. That
their arithmetic is right is tested here, by laws that hold for any weights.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import mechwidget as mw
from mechwidget.analysis import direct_attribution
from mechwidget.dictionaries import find_dictionary
from tests.models.zoo.build import build, example, hooked, own_logits, shared
from tests.models.zoo.species import HEADS, VOCABULARY, WIDTH
from tests.weights.causal_tracing import state, trace, window
from tests.weights.folding import folded, neurons_to_logits
from tests.weights.gemma_scope import transcoder
from tests.weights.greater_than import NOUNS, difference, digits, questions

IDS = tuple(example()[0].tolist())


def test_folding_moves_the_value_biases_and_leaves_the_function() -> None:
    model, other = hooked("gpt2"), mw.wrap(folded(shared("gpt2")))
    assert torch.allclose(other.run(IDS).logits, model.run(IDS).logits, atol=1e-5)
    metric = mw.LogitDiff(5, 7)
    ours, theirs = (direct_attribution(each, IDS, metric) for each in (model, other))
    assert np.allclose(ours.attention, theirs.attention, atol=1e-5)
    assert np.abs(ours.heads - theirs.heads).max() > 1e-3
    # By hand: the last position's z less the value that every position has.
    block, read = shared("gpt2").transformer.h[1], model.run(IDS, read=["z", "final_norm_scale"])
    with torch.no_grad():
        *_, value = block.attn.c_attn(block.ln_1.bias).chunk(3)
        z = (read.read["z", 1][0, -1] - value.reshape(HEADS, -1)).unsqueeze(1)
        written = (z @ block.attn.c_proj.weight.reshape(HEADS, -1, WIDTH)).squeeze(1)
        norm, unembed = shared("gpt2").transformer.ln_f, shared("gpt2").lm_head.weight
        written = (written - written.mean(-1, keepdim=True)) * norm.weight
        found = written @ (unembed[5] - unembed[7]) / read.read["final_norm_scale"][0, -1]
    assert np.allclose(theirs.heads[1], found.numpy(), atol=1e-5)


def test_neurons_and_the_bias_add_up_to_what_the_mlps_say() -> None:
    model, module = hooked("gpt2"), shared("gpt2")
    a, b = (neurons_to_logits(model, IDS, token) for token in (5, 7))
    scale = model.run(IDS, read=["final_norm_scale"]).read["final_norm_scale"][0, -1]
    norm, unembed = module.transformer.ln_f, module.lm_head.weight
    towards = norm.weight * (unembed[5] - unembed[7]) / scale
    towards = (towards - towards.mean()).detach()
    said = direct_attribution(model, IDS, mw.LogitDiff(5, 7)).mlp
    for layer, block in enumerate(module.transformer.h):
        bias = float(block.mlp.c_proj.bias.detach() @ towards)
        assert float((a - b)[layer].sum()) + bias == pytest.approx(said[layer], abs=1e-5)
    everything = sum(neurons_to_logits(model, IDS, token) for token in range(VOCABULARY))
    assert torch.allclose(everything, torch.zeros_like(everything), atol=1e-4)  # centred


def years_tokenizer() -> PreTrainedTokenizerFast:
    """Words, and years as two tokens of two digits, as GPT-2 has most of them."""
    words = {*NOUNS, "The", "lasted", "from", "the", "year", "to"}
    texts = ["<unk>", *(f" {word}" for word in sorted(words)), "The"]
    texts += [f"{space}{n:02d}" for space in ("", " ") for n in range(100)]
    made = Tokenizer(models.WordLevel({text: i for i, text in enumerate(texts)}, "<unk>"))
    split = pre_tokenizers.Split(Regex(r" ?\d\d| ?[A-Za-z]+"), "isolated")
    made.pre_tokenizer = split
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")


def test_greater_than_counts_the_years_after() -> None:
    tokens = [*range(50, 150)]
    logits = torch.full((200,), -1e9)
    logits[50 + 32] = 0  # all on 32 itself, which is not after 32
    assert difference(logits, 32, tokens) == pytest.approx(-1)
    assert difference(logits, 31, tokens) == pytest.approx(1)
    logits[50 + 40] = 0
    assert difference(logits, 32, tokens) == pytest.approx(0)
    logits[10] = 5  # what is no year counts for neither
    assert abs(difference(logits, 32, tokens)) < 1e-6


def test_greater_than_asks_in_pairs_of_equal_length() -> None:
    tokenizer = years_tokenizer()
    module = build("gpt2")
    module.resize_token_embeddings(len(tokenizer))
    model = mw.wrap(module.eval(), tokenizer)
    known = digits(model)
    asked = list(questions(model, 20))
    assert len({each.clean for each in asked}) == 20
    for each in asked:
        there = [i for i, (a, b) in enumerate(zip(each.clean, each.corrupted, strict=True))
                 if a != b]  # fmt: skip
        assert len(there) == 1
        assert each.clean[there[0]] == known[each.year]
        assert each.corrupted[there[0]] == known[1]
        assert 2 <= each.year <= 98
    run = model.run(asked[0].clean, positions=[-1]).logits[0, 0]
    assert -1 < difference(run, asked[0].year, known) < 1


def test_causal_tracing_restores_all_with_all_and_nothing_without_noise() -> None:
    model = hooked("gpt2")
    everywhere = lambda ids, _: [mw.Patch(mw.Residual(2, None, "post"), ids)]  # noqa: E731
    subject = [2, 3, 4]
    answer = int(own_logits(shared("gpt2"), example())[0, -1].argmax())
    found = trace(model, IDS, subject, answer, [everywhere, state(1), state(0)], noise=3.0, draws=2)
    assert found.clean == pytest.approx(
        float(own_logits(shared("gpt2"), example())[0, -1].softmax(-1)[answer])
    )
    assert found.restored[0] == pytest.approx(found.clean, abs=1e-5)
    assert abs(found.total_effect) > 1e-4
    assert found.indirect_effects[1] != 0
    still = trace(model, IDS, subject, answer, [state(1)], noise=0.0, draws=1)
    assert still.total_effect == pytest.approx(0, abs=1e-5)
    assert still.indirect_effects[0] == pytest.approx(0, abs=1e-5)
    # What the first layer's writes bring back at the last of one token's subject is its state there
    # but for the noise itself, which no write holds.
    one = trace(
        model, IDS, [10], answer,
        [window(mw.MLP, range(3)), window(mw.Attention, range(3)), state(2)], noise=3.0, draws=2,
    )  # fmt: skip
    assert one.restored[2] == pytest.approx(one.clean, abs=1e-5)
    assert one.restored[0] != pytest.approx(one.restored[1], abs=1e-7)


def test_noise_on_the_embedding_is_noise_on_what_enters_the_first_block() -> None:
    """A GPT-2 adds positions to it and nothing else."""
    model, noise = hooked("gpt2"), torch.linspace(-1, 1, WIDTH)
    other = build("gpt2")
    found = model.run(IDS, [mw.Steer(mw.Residual(0, [3]), noise.tolist())]).logits

    def add(_module: object, _args: object, out: torch.Tensor) -> torch.Tensor:
        out = out.clone()
        out[:, 3] += noise
        return out

    other.transformer.wte.register_forward_hook(add)
    assert torch.allclose(found, own_logits(other, example()), atol=1e-5)


def test_a_gemma_scope_transcoder_reads_the_norm_before_its_gain() -> None:
    model, layer = hooked("gemma2"), 1
    generator = np.random.default_rng(0)
    shapes = {"W_enc": (WIDTH, 20), "b_enc": (20,), "W_dec": (20, WIDTH), "b_dec": (WIDTH,),
              "threshold": (20,)}  # fmt: skip
    arrays = {k: generator.normal(size=s).astype(np.float32) for k, s in shapes.items()}
    arrays["threshold"] = np.abs(arrays["threshold"]) / 4
    mw.register_dictionary("tiny scope", transcoder(arrays, model, layer), replace=True)
    site = mw.Site("resid_mid", layer)
    middle = model.run(IDS, read=[site]).read[site].double()
    eps = shared("gemma2").config.rms_norm_eps
    normed = (middle / (middle.square().mean(-1, keepdim=True) + eps).sqrt()).float()
    pre = normed @ torch.from_numpy(arrays["W_enc"]) + torch.from_numpy(arrays["b_enc"])
    expected = pre.relu() * (pre > torch.from_numpy(arrays["threshold"]))
    known = find_dictionary("tiny scope")
    read = model.run(IDS, read=[known.reads, known.writes]).read
    assert torch.allclose(known.encode(read[known.reads]), expected, atol=1e-4)
    assert float(expected.max()) > 0
    edits = [mw.Freeze("pattern"), mw.SetValue(mw.Feature("tiny scope", 3, [-1]), 9.0)]
    off = model.run(IDS, edits, read=[known.writes, ("pattern", 2)])
    moved = off.read[known.writes][0, -1] - read[known.writes][0, -1]
    wanted = (9.0 - expected[0, -1, 3]) * torch.from_numpy(arrays["W_dec"][3])
    assert torch.allclose(moved, wanted, atol=1e-4)
    patterns = model.run(IDS, read=[("pattern", 2)]).read["pattern", 2]
    assert torch.equal(off.read["pattern", 2], patterns)
