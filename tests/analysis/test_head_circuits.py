"""Circuits of a head: against the whole [vocab, vocab] matrix, made from weights by hand."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

import mechwidget as mw
from mechwidget.analysis import HeadCircuit
from mechwidget.errors import CancelledError, ComponentError, MechwidgetError, UnsupportedModelError
from tests.analysis.largest_tensor import LargestTensor
from tests.models.zoo.build import build, hooked, shared
from tests.models.zoo.species import HEADS, VOCABULARY, WIDTH
from tests.session.encoders import two_stack_model

D_HEAD = WIDTH // HEADS
HEAD = mw.Head(1, 2)


def centred(matrix):
    return matrix - matrix.mean(-1, keepdim=True)


@torch.no_grad()
def gpt2_circuits(module):
    """QK `[query, key]` and OV `[source, output]` of one head of a GPT-2."""
    block, body = module.transformer.h[HEAD.layer], module.transformer
    embedded, part = body.wte.weight, slice(HEAD.head * D_HEAD, (HEAD.head + 1) * D_HEAD)
    q, k, v = (x[:, part] for x in block.attn.c_attn(block.ln_1(embedded)).chunk(3, -1))
    *_, nothing = block.attn.c_attn(block.ln_1(torch.zeros(1, WIDTH))).chunk(3, -1)
    moved = (v - nothing[:, part]) @ block.attn.c_proj.weight[part]
    said = (moved - moved.mean(-1, keepdim=True)) * body.ln_f.weight
    return centred(q @ k.T / D_HEAD**0.5), centred(said @ module.lm_head.weight.T)


@torch.no_grad()
def llama_circuits(module):
    """The same of a LLaMA, whose rotary positions turn nothing at distance 0."""
    block, body = module.model.layers[HEAD.layer], module.model
    attention, part = block.self_attn, slice(HEAD.head * D_HEAD, (HEAD.head + 1) * D_HEAD)
    shares = slice(HEAD.head // 2 * D_HEAD, (HEAD.head // 2 + 1) * D_HEAD)
    normed = block.input_layernorm(body.embed_tokens.weight)
    q, k = attention.q_proj(normed)[:, part], attention.k_proj(normed)[:, shares]
    moved = attention.v_proj(normed)[:, shares] @ attention.o_proj.weight.T[part]
    said = moved * body.norm.weight @ module.lm_head.weight.T
    return centred(q @ k.T / D_HEAD**0.5), centred(said)


CIRCUITS = {"gpt2": gpt2_circuits, "llama": llama_circuits}
each = pytest.mark.parametrize("name", CIRCUITS)


def ranked_as(ranked, row, *, lowest=False):
    order = row.sort(descending=not lowest)
    k = len(ranked.values)
    np.testing.assert_allclose(ranked.values, order.values[:k], atol=1e-4)
    np.testing.assert_allclose(row[torch.tensor(ranked.ids)], ranked.values, atol=1e-4)


@each
def test_what_is_said_of_a_token_is_its_row_and_column(name):
    qk, ov = CIRCUITS[name](shared(name))
    found = HeadCircuit(hooked(name), HEAD).token(17, k=7)
    ranked_as(found.keys, qk[17])
    ranked_as(found.queries, qk[:, 17])
    ranked_as(found.raised, ov[17])
    ranked_as(found.suppressed, ov[17], lowest=True)


@each
@pytest.mark.parametrize("circuit", ["qk", "ov"])
def test_pairs_are_those_of_the_whole_matrix(name, circuit):
    whole = CIRCUITS[name](shared(name))[circuit == "ov"]
    head = HeadCircuit(hooked(name), HEAD)
    for lowest in (False, True):
        found = head.pairs(circuit, 25, lowest=lowest)
        expected = whole.flatten().sort(descending=not lowest).values[:25]
        np.testing.assert_allclose(found.values, expected, atol=1e-4)
        np.testing.assert_allclose(whole[found.first, found.second], found.values, atol=1e-4)
        assert found.looked_at == VOCABULARY**2


def test_blockwise_is_whole(monkeypatch):
    whole = HeadCircuit(hooked("llama"), HEAD)
    pairs, token = whole.pairs("ov", 9), whole.token(5)
    for module, name, value in (
        ("attention_probe", "_POSITIONS_AT_ONCE", 5),
        ("vocabulary_ends", "_BLOCK_BYTES", 1),
        ("largest_products", "ROWS", 10),
        ("largest_products", "COLUMNS", 7),
    ):
        monkeypatch.setattr(import_module(f"mechwidget.analysis.{module}"), name, value)
    parts = HeadCircuit(hooked("llama"), HEAD)
    np.testing.assert_allclose(parts.pairs("ov", 9).values, pairs.values, atol=1e-5)
    np.testing.assert_array_equal(parts.token(5).keys.ids, token.keys.ids)


def test_restricted_to_some_tokens_it_is_a_part_of_the_matrix():
    ids = [3, 50, 17, 88]
    qk, _ = gpt2_circuits(shared("gpt2"))
    found = HeadCircuit(hooked("gpt2"), HEAD, among=ids).pairs("qk", 4)
    part = qk[ids][:, ids]
    part = part - part.mean(-1, keepdim=True)  # of the keys that are looked among
    np.testing.assert_allclose(
        found.values, part.flatten().sort(descending=True).values[:4], atol=1e-4
    )
    assert set(found.first) | set(found.second) <= set(ids)
    with pytest.raises(MechwidgetError, match="no tokens to look among"):
        HeadCircuit(hooked("gpt2"), HEAD, among=[])
    with pytest.raises(MechwidgetError, match="no token 99"):
        HeadCircuit(hooked("gpt2"), HEAD, among=[99])


@torch.no_grad()
def test_normed_queries_are_asked_of_the_model_token_by_token():
    """Qwen 3 norms q and k: its scores are no bilinear form, and right all the same."""
    module, head = shared("qwen3"), HEAD
    block = module.model.layers[head.layer]
    attention, normed = block.self_attn, block.input_layernorm(module.model.embed_tokens.weight)
    q = attention.q_norm(attention.q_proj(normed).reshape(VOCABULARY, HEADS, D_HEAD))[:, head.head]
    k = attention.k_norm(attention.k_proj(normed).reshape(VOCABULARY, 2, D_HEAD))[:, head.head // 2]
    whole = centred(q @ k.T / D_HEAD**0.5)
    found = HeadCircuit(hooked("qwen3"), head).pairs("qk", 10)
    np.testing.assert_allclose(
        found.values, whole.flatten().sort(descending=True).values[:10], atol=1e-4
    )


@torch.no_grad()
def test_at_a_distance_scores_are_those_of_a_run():
    """Two tokens in a row, LLaMA's own scores at layer 0, but for what all keys share."""
    model, head = hooked("llama"), mw.Head(0, 1)
    circuit = HeadCircuit(model, head, distance=1)
    whole = circuit._queries @ circuit._raw_keys.T
    for key, query in ((5, 17), (60, 3)):
        run = model.run([key, query], read=["scores.0"])
        assert float(run.read["scores", 0][0, 1, 1, 0]) == pytest.approx(
            float(whole[query, key]), abs=1e-4
        )


def test_a_head_that_copies_has_one_and_untied_it_has_not():
    module = build("gpt2")
    with torch.no_grad():
        for parameter in (module.transformer.ln_f.weight, module.transformer.h[1].ln_1.weight):
            parameter.fill_(1)
        attention, part = module.transformer.h[1].attn, slice(16, 24)
        attention.c_proj.weight[part] = attention.c_attn.weight[:, 2 * WIDTH :][:, part].T
    untied = torch.nn.Parameter(torch.randn(VOCABULARY, WIDTH))
    module.lm_head.weight = untied
    assert HeadCircuit(mw.wrap(module), HEAD).copying() < 0.9
    module.lm_head.weight = module.transformer.wte.weight
    model = mw.wrap(module)
    assert HeadCircuit(model, HEAD).copying() == pytest.approx(1, abs=1e-5)
    for name in CIRCUITS:
        expected = mw.analysis.copying_scores(hooked(name)).values[1, 2]
        assert HeadCircuit(hooked(name), HEAD).copying() == pytest.approx(expected, abs=1e-4)


def test_without_an_unembedding_there_are_queries_and_keys():
    headless = mw.wrap(build("gpt2").transformer, name="headless")
    circuit = HeadCircuit(headless, HEAD)
    found = circuit.token(17, k=5)
    ranked_as(found.keys, gpt2_circuits(shared("gpt2"))[0][17])
    assert (found.raised, found.suppressed) == (None, None)
    assert "no unembedding" in circuit.ov_reason
    assert np.isnan(circuit.copying())
    with pytest.raises(UnsupportedModelError, match="no OV circuit"):
        circuit.pairs("ov")


def test_without_queries_there_are_outputs():
    circuit = HeadCircuit(hooked("gptj"), HEAD)
    assert circuit.token(5).keys is None
    assert len(circuit.token(5).raised.ids) == 10
    with pytest.raises(UnsupportedModelError, match="no QK circuit"):
        circuit.pairs("qk")


def test_what_has_no_path_from_token_to_token_is_refused():
    two = two_stack_model()
    decoder = next(stack for stack in two.stacks if stack.main)
    with pytest.raises(UnsupportedModelError, match="in one stack"):
        HeadCircuit(two, mw.Head(decoder.first, 0))
    with pytest.raises(UnsupportedModelError, match="another stack"):
        HeadCircuit(two, mw.Head(decoder.first, 0, cross=True))
    with pytest.raises(UnsupportedModelError, match="normed together"):
        HeadCircuit(hooked("openai_gpt"), HEAD)
    with pytest.raises(ComponentError, match="head"):
        HeadCircuit(hooked("gpt2"), mw.Head(1, 9))
    with pytest.raises(ComponentError, match="3 layers"):
        HeadCircuit(hooked("gpt2"), mw.Head(7, 0))
    for distance in (-1, 65, 1.5, True):
        with pytest.raises(MechwidgetError, match="distance is"):
            HeadCircuit(hooked("llama"), HEAD, distance=distance)
    circuit = HeadCircuit(hooked("gpt2"), HEAD)
    for token in (-1, 99, 2.0):
        with pytest.raises(MechwidgetError, match="There is no token"):
            circuit.token(token)
    with pytest.raises(MechwidgetError, match="expected 'qk' or 'ov'"):
        circuit.pairs("vo")
    with pytest.raises(CancelledError):
        HeadCircuit(hooked("gpt2"), HEAD, cancelled=lambda: True)
    with pytest.raises(CancelledError):
        HeadCircuit(hooked("gpt2"), HEAD).pairs("qk", cancelled=lambda: True)


@torch.no_grad()
def test_an_embedding_that_is_no_number_is_said_to_be_so():
    module = build("gpt2")
    module.lm_head.weight = torch.nn.Parameter(module.lm_head.weight.clone())
    model = mw.wrap(module)
    module.transformer.wte.weight[40, 3] = float("nan")
    with pytest.raises(MechwidgetError, match="NaN or infinite"):
        HeadCircuit(model, HEAD).pairs("qk")


def test_a_hundred_thousand_tokens_have_room():
    """Tables of [token, d_head] and blocks; the matrix itself would take 40 GB."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=100_000, n_positions=8, n_embd=16, n_layer=1, n_head=2, initializer_range=0.3
    )
    module = GPT2LMHeadModel(config).eval()
    with torch.no_grad():  # a few tokens are long, as in models that were trained
        module.transformer.wte.weight *= torch.linspace(0.2, 1, 100_000)[:, None] ** 4
    circuit = HeadCircuit(mw.wrap(module), mw.Head(0, 1))
    with LargestTensor() as largest:
        found, pairs = circuit.token(99_999), circuit.pairs("ov", 5)
    assert 10**6 < largest.entries < 2**24
    assert pairs.looked_at == 10**10
    row = circuit.token(int(pairs.first[0]), k=1)
    assert row.raised.values[0] == pytest.approx(pairs.values[0], rel=1e-4)
    assert row.raised.ids[0] == pairs.second[0]
    assert len(found.keys.ids) == 10
