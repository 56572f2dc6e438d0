"""Composition, norms and neighbours: against whole matrices, made from weights by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.analysis import composition_scores, token_neighbours, weight_norms
from mechwidget.analysis.composition import CompositionSoFar
from mechwidget.errors import CancelledError, MechwidgetError, UnsupportedModelError
from tests.models.zoo.build import build, hooked, shared
from tests.models.zoo.species import HEADS, LAYERS, NEURONS, VOCABULARY, WIDTH
from tests.session.encoders import two_stack_model

D_HEAD = WIDTH // HEADS


@torch.no_grad()
def gpt2_maps(module, layer, head):
    """W_Q W_Kᵀ and W_V W_O, `[d, d]`, the norm folded and what is written centred."""
    block, part = module.transformer.h[layer], slice(head * D_HEAD, (head + 1) * D_HEAD)
    centre = torch.eye(WIDTH) - 1 / WIDTH
    folded = centre @ torch.diag(block.ln_1.weight) @ block.attn.c_attn.weight
    q, k, v = (x[:, part] for x in folded.chunk(3, -1))
    return q @ k.T, v @ block.attn.c_proj.weight[part] @ centre


def by_hand(module, writer, reader):
    _, ov = gpt2_maps(module, *writer)
    qk, moved = gpt2_maps(module, *reader)
    return [float((ov @ read).norm() / (ov.norm() * read.norm())) for read in (qk, qk.T, moved)]


@settings(max_examples=8)
@given(
    st.integers(0, HEADS - 1), st.integers(0, HEADS - 1), st.sampled_from([(0, 1), (0, 2), (1, 2)])
)
def test_scores_are_those_of_whole_matrices(one, other, layers):
    found, (before, after) = cached(), layers
    writer, reader = found.heads.index((before, one)), found.heads.index((after, other))
    expected = by_hand(shared("gpt2"), (before, one), (after, other))
    scores = [matrix[writer, reader] for matrix in (found.q, found.k, found.v)]
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    assert np.isnan(found.q[reader, writer])  # nothing reads what comes after it


def cached(found=[]):  # noqa: B006 - one computation for all examples
    if not found:
        found.append(composition_scores(hooked("gpt2")))
    return found[0]


def test_maps_that_have_nothing_to_do_with_one_another_score_about_chance():
    found = cached()
    known = found.q[np.isfinite(found.q)]
    assert found.chance == pytest.approx(WIDTH**-0.5)
    assert float(known.mean()) == pytest.approx(found.chance, rel=0.2)


@torch.no_grad()
def test_a_head_that_reads_what_another_writes_scores_highest():
    module = build("gpt2")
    writer, reader = module.transformer.h[0].attn, module.transformer.h[2].attn
    part, other = slice(8, 16), slice(16, 24)
    reader.c_attn.weight[:, WIDTH : 2 * WIDTH][:, other] = writer.c_proj.weight[part].T
    found = composition_scores(mw.wrap(module))
    index = found.heads.index
    column = found.k[:, index((2, 2))]
    assert int(np.nanargmax(column)) == index((0, 1))
    assert float(np.nanmax(column)) > 2 * found.chance


def test_what_is_done_outlives_a_cancelled_step():
    made = CompositionSoFar(hooked("gpt2"))
    made.step()
    first = made.step()
    with pytest.raises(CancelledError):
        made.step(cancelled=lambda: True)
    assert made.found.done == first.done == 2
    made.step()
    assert made.finished
    for ours, whole in zip((made.found.q, made.found.v), (cached().q, cached().v), strict=True):
        np.testing.assert_array_equal(ours, whole)


def test_layers_without_such_maps_say_why():
    qwen = composition_scores(hooked("qwen3"))
    assert np.isnan(qwen.q).all()
    assert np.isfinite(qwen.v[:HEADS, HEADS:]).all()
    assert "normed" in qwen.reasons[1]
    bamba = composition_scores(hooked("bamba"))
    assert bamba.heads == tuple((1, head) for head in range(HEADS))
    assert "no attention heads" in bamba.reasons[0]
    for model, why in (
        (hooked("mamba"), "no attention heads"),
        (hooked("openai_gpt"), "normed together"),
        (two_stack_model(), "several stacks"),
    ):
        with pytest.raises(UnsupportedModelError, match=why):
            composition_scores(model)


@torch.no_grad()
def test_norms_are_those_of_whole_matrices():
    module, found = shared("gpt2"), weight_norms(hooked("gpt2"))
    for layer in range(LAYERS):
        down = module.transformer.h[layer].mlp.c_proj.weight
        assert down.shape == (NEURONS, WIDTH)
        assert found.mlp[layer] == pytest.approx(float(down.norm()), rel=1e-4)
        for head in range(HEADS):
            qk, ov = gpt2_maps(module, layer, head)
            assert found.qk[layer, head] == pytest.approx(float(qk.norm()), rel=1e-4)
            assert found.ov[layer, head] == pytest.approx(float(ov.norm()), rel=1e-4)


def test_norms_that_are_missing_say_why():
    experts = weight_norms(hooked("mixtral"))
    assert np.isnan(experts.mlp).all()
    assert np.isfinite(experts.ov).all()
    falcon = weight_norms(hooked("falcon"))
    assert np.isnan(falcon.qk).all()
    assert "shows no queries" in falcon.reasons[0]
    assert weight_norms(hooked("mamba")).qk.shape == (LAYERS, 0)
    with pytest.raises(CancelledError):
        weight_norms(hooked("gpt2"), cancelled=lambda: True)


@torch.no_grad()
def test_neighbours_are_those_of_the_cosine_matrix():
    table = shared("llama").model.embed_tokens.weight
    cosines = torch.cosine_similarity(table[17][None], table)
    cosines[17] = -2
    found = token_neighbours(hooked("llama"), 17, 6)
    expected = cosines.topk(6)
    np.testing.assert_allclose(found.cosines, expected.values, atol=1e-5)
    np.testing.assert_array_equal(found.ids, expected.indices)
    assert found.length == pytest.approx(float(table[17].norm()), rel=1e-5)
    assert len(token_neighbours(hooked("llama"), 0, 500).ids) == VOCABULARY - 1


@torch.no_grad()
def test_tokens_without_a_direction():
    module = build("gpt2")
    module.transformer.wte.weight[40] = 0
    module.transformer.wte.weight[41] = float("nan")
    model = mw.wrap(build("gpt2"))
    model.model.transformer.wte.weight.copy_(module.transformer.wte.weight)
    found = token_neighbours(model, 3, 500)
    assert not set(found.ids) & {3, 41}
    for token, why in (
        (40, "no direction"),
        (41, "no direction"),
        (99, "no token"),
        (-1, "no token"),
    ):
        with pytest.raises(MechwidgetError, match=why):
            token_neighbours(model, token)
    with pytest.raises(CancelledError):
        token_neighbours(model, 3, cancelled=lambda: True)
