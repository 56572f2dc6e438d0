"""Direct attribution: its terms add up, and are what weights multiplied by hand give."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import direct_attribution, logit_lens
from mechwidget.errors import CancelledError, MechwidgetError, SiteError, UnsupportedModelError
from tests.models.zoo.build import example, hooked, shared
from tests.models.zoo.species import HEADS, LAYERS, WIDTH

METRIC = mw.LogitDiff(5, 17)
SUMS = (  # one for each kind of block, norm and end
    *("gpt2", "gpt_neox", "llama", "gemma", "opt", "falcon", "gptj", "bloom", "phi", "olmo2"),
    *("mixtral", "gpt_oss", "cohere", "granite", "glm4", "deepseek_v3", "bamba", "mamba"),
)


def sum_of(found):
    named = np.nansum([found.attention, found.mlp, found.rest])
    return found.embed + found.constant + named


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("edited", [False, True], ids=["plain", "edited"])
def test_the_terms_add_up_to_the_difference(name, edited):
    model = hooked(name)
    edits = [mw.Scale(mw.Residual(1), 2.0), mw.SkipLayer(2)] if edited else []
    found = direct_attribution(model, example(), METRIC, edits)
    logits = model.run(example(), edits).logits[0, -1]
    assert found.metric == pytest.approx(float(logits[5] - logits[17]), abs=1e-5)
    assert found.total == pytest.approx(found.metric, abs=2e-5)
    assert sum_of(found) == pytest.approx(found.metric, abs=2e-5)
    assert found.note == ""


def test_a_cap_is_told_and_the_terms_add_up_before_it():
    module, found = shared("gemma2"), direct_attribution(hooked("gemma2"), example(), METRIC)
    with torch.no_grad():
        raw = module.lm_head(module.model(example()).last_hidden_state)[0, -1]
    assert "caps" in found.note
    assert sum_of(found) == pytest.approx(float(raw[5] - raw[17]), abs=2e-5)
    assert found.metric != pytest.approx(found.total, abs=1e-4)


@torch.no_grad()
def by_hand():
    """Terms of GPT-2 from its weights: `[layer, head]`, attention biases, MLPs, embedding."""
    module = shared("gpt2").transformer
    hidden = {}

    def note(name):
        def hook(_module, args):
            hidden[name] = args[0][0, -1]

        return hook

    handles = [module.ln_f.register_forward_pre_hook(note("final"))]
    for layer, block in enumerate(module.h):
        handles.append(block.attn.c_proj.register_forward_pre_hook(note(("z", layer))))
        handles.append(block.mlp.c_proj.register_forward_pre_hook(note(("post", layer))))
    handles.append(module.h[0].register_forward_pre_hook(note("embed")))
    module(example())
    for handle in handles:
        handle.remove()
    x, norm = hidden["final"], module.ln_f
    scale = (x.var(correction=0) + norm.eps).sqrt()
    unembed = shared("gpt2").lm_head.weight
    towards = norm.weight * (unembed[5] - unembed[17]) / scale

    def says(vector):
        return float((vector - vector.mean()) @ towards)

    heads = np.zeros((LAYERS, HEADS))
    width = WIDTH // HEADS
    for layer, block in enumerate(module.h):
        for head in range(HEADS):
            part = slice(head * width, (head + 1) * width)
            heads[layer, head] = says(hidden["z", layer][part] @ block.attn.c_proj.weight[part])
    biases = [says(block.attn.c_proj.bias) for block in module.h]
    mlps = [says(block.mlp.c_proj(hidden["post", i])) for i, block in enumerate(module.h)]
    return heads, np.array(biases), np.array(mlps), says(hidden["embed"])


def test_each_term_of_gpt2_is_its_weights_multiplied_by_hand():
    found = direct_attribution(hooked("gpt2"), example(), METRIC)
    heads, biases, mlps, embed = by_hand()
    np.testing.assert_allclose(found.heads, heads, atol=1e-5)
    np.testing.assert_allclose(found.attention, heads.sum(1) + biases, atol=1e-5)
    np.testing.assert_allclose(found.mlp, mlps, atol=1e-5)
    np.testing.assert_allclose(found.rest, 0, atol=1e-5)
    assert found.embed == pytest.approx(embed, abs=1e-5)


@pytest.mark.parametrize("name", ["llama", "gemma2", "olmo2", "granite", "gptj"])
def test_heads_add_up_to_their_attention_where_nothing_has_a_bias(name):
    found = direct_attribution(hooked(name), example(), METRIC)
    np.testing.assert_allclose(found.heads.sum(1), found.attention, atol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "gemma2", "cohere", "bamba"])
def test_an_earlier_stream_says_what_the_lens_reads_there(name):
    model, metric = hooked(name), mw.LogitDiff(5, 17, position=4)
    lens = logit_lens(model, example(), positions=[4], chosen=[5, 17])
    cap = getattr(shared(name).config, "final_logit_softcapping", None)
    for row, site in enumerate(lens.sites):
        found = direct_attribution(model, example(), metric, at=site)
        a, b = lens.chosen_logits[row, 0].astype(float)
        if cap:
            a, b = (cap * np.arctanh(value / cap) for value in (a, b))
        assert sum_of(found) == pytest.approx(found.total, abs=1e-9)
        assert found.total == pytest.approx(a - b, abs=2e-4)
        assert np.isnan(found.mlp[site.layer]) == (
            site.name != "resid_post" or not model.has_mlp(site.layer)
        )
        assert np.isnan(found.attention[site.layer + 1 :]).all()
    np.testing.assert_allclose(found.rest, np.nan_to_num(found.rest))


def test_swapping_the_tokens_swaps_the_signs():
    there = direct_attribution(hooked("llama"), example(), METRIC)
    back = direct_attribution(hooked("llama"), example(), mw.LogitDiff(17, 5))
    np.testing.assert_allclose(there.heads, -back.heads, atol=1e-6)
    assert there.total == pytest.approx(-back.total, abs=1e-6)


def test_the_users_weights_get_no_gradients_and_no_mode_matters():
    found = direct_attribution(hooked("gpt2"), example(), METRIC)
    with torch.inference_mode():
        again = direct_attribution(hooked("gpt2"), example(), METRIC)
    np.testing.assert_array_equal(found.heads, again.heads)
    assert all(parameter.grad is None for parameter in shared("gpt2").parameters())


def test_layers_without_heads_have_none():
    found = direct_attribution(hooked("bamba"), example(), METRIC)
    assert np.isnan(found.heads[[0, 2]]).all()
    assert np.isfinite(found.heads[1]).all()
    assert np.abs(found.rest[[0, 2]]).min() > 1e-3  # what the recurrent mixers wrote


def test_what_is_no_sum_is_refused():
    with pytest.raises(UnsupportedModelError, match="not a plain sum"):
        direct_attribution(hooked("openai_gpt"), example(), METRIC)
    with pytest.raises(SiteError, match="no residual stream"):
        direct_attribution(hooked("gpt2"), example(), METRIC, at="attn_out.1")
    with pytest.raises(MechwidgetError, match="logit difference"):
        direct_attribution(hooked("gpt2"), example(), mw.Probability(5))
    with pytest.raises(CancelledError):
        direct_attribution(hooked("gpt2"), example(), METRIC, cancelled=lambda: True)
