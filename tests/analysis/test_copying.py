"""Copying scores: against the eigenvalues of the whole [vocab, vocab] circuit, from weights."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import copying_scores, direct_attribution
from mechwidget.errors import CancelledError, UnsupportedModelError
from tests.models.zoo.build import build, hooked, shared
from tests.models.zoo.species import HEADS, LAYERS, WIDTH

D_HEAD = WIDTH // HEADS


def score(circuit):
    eigenvalues = torch.linalg.eigvals(circuit.detach().double())
    return float(eigenvalues.real.sum() / eigenvalues.abs().sum())


@torch.no_grad()
def gpt2_scores(module):
    body, centre = module.transformer, torch.eye(WIDTH) - 1 / WIDTH
    found = np.zeros((LAYERS, HEADS))
    for layer, block in enumerate(body.h):
        w_v = (torch.diag(block.ln_1.weight) @ block.attn.c_attn.weight)[:, 2 * WIDTH :]
        unembed = torch.diag(body.ln_f.weight) @ module.lm_head.weight.T
        for head in range(HEADS):
            part = slice(head * D_HEAD, (head + 1) * D_HEAD)
            ov = centre @ w_v[:, part] @ block.attn.c_proj.weight[part] @ centre
            found[layer, head] = score(body.wte.weight @ ov @ unembed)
    return found


@torch.no_grad()
def llama_scores(module, *, gain=0.0, post_norm=False):
    """Of LLaMA, and of Gemma with its gains of 1 + w."""
    body, found = module.model, np.zeros((LAYERS, HEADS))
    for layer, block in enumerate(body.layers):
        attention = block.self_attn
        w_v = torch.diag(gain + block.input_layernorm.weight) @ attention.v_proj.weight.T
        after = gain + block.post_attention_layernorm.weight if post_norm else torch.ones(WIDTH)
        unembed = torch.diag(gain + body.norm.weight) @ module.lm_head.weight.T
        for head in range(HEADS):
            shared_by = HEADS * D_HEAD // w_v.shape[1]
            group = slice(head // shared_by * D_HEAD, (head // shared_by + 1) * D_HEAD)
            part = slice(head * D_HEAD, (head + 1) * D_HEAD)
            w_o = attention.o_proj.weight.T[part] @ torch.diag(after)
            found[layer, head] = score(body.embed_tokens.weight @ w_v[:, group] @ w_o @ unembed)
    return found


def test_scores_of_gpt2_are_the_eigenvalues_of_its_circuits():
    expected = gpt2_scores(shared("gpt2"))
    np.testing.assert_allclose(copying_scores(hooked("gpt2")).values, expected, atol=1e-4)


def test_grouped_heads_share_their_values():
    expected = llama_scores(shared("llama"))
    np.testing.assert_allclose(copying_scores(hooked("llama")).values, expected, atol=1e-4)


def test_norms_after_the_attention_belong_to_the_circuit():
    expected = llama_scores(shared("gemma2"), gain=1.0, post_norm=True)
    np.testing.assert_allclose(copying_scores(hooked("gemma2")).values, expected, atol=1e-4)


def test_a_head_that_copies_has_one_and_one_that_suppresses_minus_one():
    module = build("gpt2")
    with torch.no_grad():
        for parameter in (module.transformer.ln_f.weight, module.transformer.h[1].ln_1.weight):
            parameter.fill_(1)
        attention = module.transformer.h[1].attn
        for head, sign in ((0, 1), (1, -1)):
            part = slice(head * D_HEAD, (head + 1) * D_HEAD)
            w_v = attention.c_attn.weight[:, 2 * WIDTH :][:, part]
            attention.c_proj.weight[part] = sign * w_v.T
    module.lm_head.weight = module.transformer.wte.weight
    values = copying_scores(mw.wrap(module)).values
    np.testing.assert_allclose(values[1, :2], [1, -1], atol=1e-5)
    assert (np.abs(values) <= 1 + 1e-6).all()


def test_chunks_do_not_matter(monkeypatch):
    whole = copying_scores(hooked("llama")).values
    for module, name, value in (
        ("attention_probe", "_POSITIONS_AT_ONCE", 5),
        ("vocabulary_ends", "_BLOCK_BYTES", 1),
        ("copying", "_ROWS", 7),
        ("copying", "_MAP_BYTES", 1),
    ):
        monkeypatch.setattr(import_module(f"mechwidget.analysis.{module}"), name, value)
    np.testing.assert_allclose(copying_scores(hooked("llama")).values, whole, atol=1e-5)


@pytest.mark.parametrize("name", ["falcon", "gptj", "gpt_neox", "opt", "gpt_oss", "cohere"])
def test_other_ways_to_attend_have_scores_too(name):
    found = copying_scores(hooked(name))
    assert np.isfinite(found.values).all()
    assert found.reasons == ("", "", "")
    assert np.unique(found.values.round(4)).size > LAYERS


def test_what_has_no_such_circuit_says_why():
    bamba = copying_scores(hooked("bamba"))
    assert np.isfinite(bamba.values[1]).all()
    assert np.isnan(bamba.values[[0, 2]]).all()
    assert "no attention heads" in bamba.reasons[0]
    assert "not a linear map" in copying_scores(hooked("deepseek_v3")).reasons[0]
    assert "normed together" in copying_scores(hooked("openai_gpt")).reasons[0]
    assert copying_scores(hooked("mamba")).values.shape == (LAYERS, 0)


def test_an_embedding_of_another_width_is_refused():
    module = build("gpt2")
    narrow = torch.nn.Embedding(99, 16)
    module.transformer.wte = torch.nn.Sequential(narrow, torch.nn.Linear(16, WIDTH))
    with pytest.raises(UnsupportedModelError, match="16 numbers"):
        copying_scores(mw.wrap(module.eval()))


class Closing(torch.nn.Module):
    """Norms without calling its norm, so that no norm is found at the end of the model."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        inner = self.inner
        return torch.nn.functional.layer_norm(x, x.shape[-1:], inner.weight, inner.bias, inner.eps)


def test_a_step_that_was_not_found_is_not_left_out_in_silence():
    module = build("gpt2")
    module.transformer.ln_f = Closing(module.transformer.ln_f)
    model = mw.wrap(module.eval())
    assert model.ledger.final_norm is None
    with pytest.raises(UnsupportedModelError, match="more than the norm and the unembedding"):
        copying_scores(model)
    with pytest.raises(UnsupportedModelError, match="more than the norm and the unembedding"):
        direct_attribution(model, [1, 2, 3], mw.LogitDiff(5, 17))


def test_it_can_be_cancelled():
    with pytest.raises(CancelledError):
        copying_scores(hooked("gpt2"), cancelled=lambda: True)
