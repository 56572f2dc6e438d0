"""The first residual taken apart: parts sum to it, and each is what it is called."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, ViTConfig, ViTForImageClassification

import mechwidget as mw
from mechwidget.analysis import embedding_parts, nearest_tokens, token_plane
from mechwidget.errors import CancelledError, MechwidgetError, UnsupportedModelError
from tests.models.toys import CharacterModel, Characters
from tests.models.zoo.build import hooked, shared
from tests.random_weights import built
from tests.session.tiny import PROMPT, tiny_model

IDS = [5, 6, 7, 8, 5, 10, 11]
KINDS = (
    *("gpt2", "llama", "gemma2", "opt", "opt_post_norm", "bloom", "xglm", "openai_gpt"),
    *("gpt_bigcode", "deepseek_v3", "falcon_alibi", "mamba", "bamba"),
)


@pytest.mark.parametrize("name", KINDS)
def test_parts_sum_to_the_first_residual(name):
    model = hooked(name)
    parts = embedding_parts(model, IDS)
    np.testing.assert_allclose(parts.vectors.sum(0), parts.total, rtol=1e-6, atol=1e-6)
    run = model.run(IDS, (), [("resid_pre", 0)], [-1]).read["resid_pre", 0][0]
    np.testing.assert_array_equal(parts.resid_pre, run)
    if not parts.steps:
        np.testing.assert_array_equal(parts.total, parts.resid_pre)
    assert parts.kinds[0] == "token"
    np.testing.assert_allclose(parts.shares.sum(0), 1, rtol=1e-4)


def test_each_part_is_the_row_of_its_table():
    module = shared("gpt2")
    parts = embedding_parts(hooked("gpt2"), IDS)
    assert parts.kinds == ("token", "position")
    assert parts.modules == ("transformer.wte", "transformer.wpe")
    np.testing.assert_array_equal(parts.vectors[0], module.transformer.wte.weight[IDS].detach())
    np.testing.assert_array_equal(parts.vectors[1], module.transformer.wpe.weight[:7].detach())
    a, b = parts.vectors
    cosines = torch.nn.functional.cosine_similarity(torch.tensor(a), torch.tensor(b)).numpy()
    np.testing.assert_allclose(parts.cosines(0, 1), cosines, rtol=1e-4, atol=1e-6)


def test_a_scaled_embedding_says_by_how_much():
    parts = embedding_parts(hooked("gemma2"), IDS)
    assert parts.factors == pytest.approx((32**0.5,))
    rows = shared("gemma2").model.embed_tokens.weight[IDS].detach() * 32**0.5
    np.testing.assert_allclose(parts.total, rows, rtol=1e-6)


def test_types_are_a_constant_and_the_norm_is_a_step():
    config = BertConfig(
        vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=24, max_position_embeddings=32,
    )  # fmt: skip
    module = built(lambda: BertForMaskedLM(config))
    parts = embedding_parts(mw.wrap(module, name="bert"), IDS)
    assert sorted(parts.kinds) == ["constant", "position", "token"]
    assert parts.steps == ("norm bert.embeddings.LayerNorm",)
    with torch.no_grad():
        normed = module.bert.embeddings.LayerNorm(torch.tensor(parts.total)).numpy()
    np.testing.assert_allclose(normed, parts.resid_pre, rtol=1e-5, atol=1e-5)
    assert embedding_parts(hooked("bloom"), IDS).steps == (
        "norm transformer.word_embeddings_layernorm",
    )


def test_fixed_tables_and_bare_parameters_are_told_from_modules():
    fixed = embedding_parts(hooked("xglm"), IDS)
    assert fixed.learned == (True, False)
    characters = Characters()
    source = mw.TextSource(
        characters.encode,
        characters.decode,
        call=lambda module, ids: module(
            ids, torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()
        )["scores"],
    )
    toy = mw.wrap(CharacterModel(), source=source, name="characters")
    parts = embedding_parts(toy, "some text")
    assert parts.kinds == ("token", "position")
    assert parts.modules == ("tok_emb", "pos_emb")


def test_one_token_and_a_long_prompt_and_the_same_token_again():
    assert embedding_parts(hooked("gpt2"), [5]).kinds == ("token", "position")
    assert embedding_parts(hooked("gpt2"), [5] * 9).kinds == ("token", "position")
    assert embedding_parts(hooked("gpt2"), IDS * 9).vectors.shape == (2, 63, 32)


def test_what_has_no_token_embedding_is_refused():
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        image_size=16, patch_size=8,
    )  # fmt: skip
    model = mw.wrap(built(lambda: ViTForImageClassification(config)), name="vit")
    with pytest.raises(UnsupportedModelError, match="reads a signal"):
        embedding_parts(model, torch.zeros(3, 16, 16))
    with pytest.raises(CancelledError):
        embedding_parts(hooked("gpt2"), IDS, cancelled=lambda: True)


@pytest.mark.parametrize("block_bytes", [2**25, 1500])
def test_nearest_tokens_are_those_of_brute_force(block_bytes, monkeypatch):
    monkeypatch.setattr(sys.modules[nearest_tokens.__module__], "_BLOCK_BYTES", block_bytes)
    model = tiny_model()
    table = model.model.transformer.wte.weight.detach()
    parts = embedding_parts(model, PROMPT)
    asked = []
    looked_up = model.model.transformer.wte.register_forward_hook(
        lambda _module, args, _output: asked.append(args[0].numel())
    )
    found = nearest_tokens(model, parts.resid_pre, k=5)
    looked_up.remove()
    assert sum(asked) == model.vocab_size
    assert max(asked) * 24 * 4 <= block_bytes
    cosines = torch.nn.functional.cosine_similarity(
        torch.tensor(parts.resid_pre)[:, None], table[None], dim=-1
    )
    best = cosines.topk(5)
    np.testing.assert_array_equal(found.ids, best.indices)
    np.testing.assert_allclose(found.cosines, best.values, rtol=1e-5)
    own = nearest_tokens(model, parts.vectors[0], k=1)
    assert own.ids[:, 0].tolist() == list(parts.tokens.ids)


def test_zeros_and_rows_that_are_no_numbers_are_nobodys_neighbours():
    model = tiny_model()
    with torch.no_grad():
        model.model.transformer.wte.weight[3] = float("nan")
        model.model.transformer.wte.weight[4] = 0
    size = model.vocab_size
    found = nearest_tokens(model, np.stack([np.ones(24), np.zeros(24)]), k=size)
    assert {3, 4}.isdisjoint(found.ids[0])
    assert (found.ids[0] >= 0).sum() == size - 2
    assert (found.ids[1] == -1).all()
    assert np.isnan(found.cosines[1]).all()


def test_bad_questions_about_neighbours_are_refused():
    model = tiny_model()
    with pytest.raises(UnsupportedModelError, match="24 numbers, and these vectors 7"):
        nearest_tokens(model, np.ones((1, 7)))
    with pytest.raises(MechwidgetError, match="k is 0"):
        nearest_tokens(model, np.ones((1, 24)), k=0)
    with pytest.raises(CancelledError):
        nearest_tokens(model, np.ones((1, 24)), cancelled=lambda: True)


def test_a_plane_holds_the_variance_that_it_says():
    given = np.random.default_rng(0).normal(size=(12, 30))
    plane = token_plane(given)
    centred = given - given.mean(0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :2] * size[:2]
    np.testing.assert_allclose(np.abs(plane.places), np.abs(expected), rtol=1e-4)
    np.testing.assert_allclose(plane.explained, size[:2] ** 2 / (size**2).sum(), rtol=1e-6)
    flat = token_plane(given[:, :1] @ np.ones((1, 5)))
    assert flat.explained[0] == pytest.approx(1)
    with pytest.raises(MechwidgetError, match="A plane of 2 vectors"):
        token_plane(given[:2])
    with pytest.raises(MechwidgetError, match="not finite"):
        token_plane([[1, 2], [3, float("nan")], [5, 6]])
