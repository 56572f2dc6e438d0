"""The logit lens: against Hugging Face's own modules called by hand, and the laws that it obeys."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from transformers import GPT2LMHeadModel

import mechwidget as mw
from mechwidget.analysis import kl_nats, logit_lens
from mechwidget.errors import CancelledError, ComponentError, MechwidgetError, UnsupportedModelError
from mechwidget.models import HookedModel, Site
from tests.models.zoo.build import configuration, example, hooked, shared
from tests.models.zoo.species import LAYERS, VOCABULARY

FOLLOWED = (5, 17)
KINDS = (  # one for each kind of block and of end
    *("gpt2", "gpt_neox", "gemma2", "opt", "opt_post_norm", "falcon", "gptj", "openai_gpt"),
    *("mixtral", "gpt_oss", "cohere", "granite", "bamba", "mamba"),
)
LENGTH = 11


def plainly_read(name, stream):
    """What each model's own class does after its last block, written out."""
    module = shared(name)
    if name == "gpt2":
        return module.lm_head(module.transformer.ln_f(stream))
    logits = module.lm_head(module.model.norm(stream))
    cap = getattr(module.config, "final_logit_softcapping", None)
    return logits if cap is None else cap * torch.tanh(logits / cap)


@torch.no_grad()
def plain_streams(name):
    """Every site's stream, from Hugging Face's hidden states and one hook per block."""
    module = shared(name)
    blocks = module.transformer.h if name == "gpt2" else module.model.layers
    after_attention = {"gpt2": "ln_2", "llama": "post_attention_layernorm"}
    second_norm = after_attention.get(name, "pre_feedforward_layernorm")
    streams, handles = {}, []
    for layer, block in enumerate(blocks):

        def note_middle(_module, args, layer=layer):
            streams["resid_mid", layer] = args[0]

        def note_end(_module, _args, result, layer=layer):
            streams["resid_post", layer] = result[0] if isinstance(result, tuple) else result

        handles.append(block.get_submodule(second_norm).register_forward_pre_hook(note_middle))
        handles.append(block.register_forward_hook(note_end))
    states = module(example(LENGTH), output_hidden_states=True).hidden_states
    for handle in handles:
        handle.remove()
    return streams | {("resid_pre", layer): states[layer] for layer in range(LAYERS)}


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_every_number_is_what_the_models_own_modules_give(name):
    lens = logit_lens(hooked(name), example(LENGTH), chosen=FOLLOWED, k=4)
    streams = plain_streams(name)
    assert {tuple(site) for site in lens.sites} == set(streams)
    with torch.no_grad():
        final = shared(name)(example(LENGTH)).logits[0]
    for row, site in enumerate(lens.sites):
        with torch.no_grad():
            logits = plainly_read(name, streams[site])[0]
        p = logits.softmax(-1)
        top = p.topk(4)
        np.testing.assert_allclose(lens.top_probabilities[row], top.values, atol=1e-6)
        np.testing.assert_array_equal(lens.top_ids[row], top.indices)
        np.testing.assert_allclose(lens.top_logits[row], logits.topk(4).values, atol=1e-4)
        np.testing.assert_allclose(lens.chosen_probabilities[row], p[:, FOLLOWED], atol=1e-6)
        np.testing.assert_allclose(lens.chosen_logits[row], logits[:, FOLLOWED], atol=1e-4)
        sorted_ids = logits.argsort(-1, descending=True).tolist()
        ranks = [[ids.index(token) + 1 for token in FOLLOWED] for ids in sorted_ids]
        assert lens.chosen_ranks[row].tolist() == ranks
        answers = enumerate(final.argmax(-1).tolist())
        in_the_end = [
            (sorted_ids[at].index(token) + 1, float(p[at, token])) for at, token in answers
        ]
        assert lens.final_ranks[row].tolist() == [rank for rank, _ in in_the_end]
        likely = [probability for _, probability in in_the_end]
        np.testing.assert_allclose(lens.final_probabilities[row], likely, atol=1e-6)
        entropy = torch.distributions.Categorical(logits=logits).entropy()
        np.testing.assert_allclose(lens.entropy[row], entropy, atol=1e-5)
        kl = [kl_nats(final[i], logits[i]) for i in range(LENGTH)]
        np.testing.assert_allclose(lens.kl[row], kl, atol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_the_last_row_is_the_models_own_answer(name):
    run = hooked(name).run(example(LENGTH))
    lens = logit_lens(hooked(name), example(LENGTH), k=VOCABULARY)
    assert lens.sites[-1] == Site("resid_post", LAYERS - 1)
    p = np.take_along_axis(run.logits[0].softmax(-1).numpy(), lens.top_ids[-1], -1)
    np.testing.assert_allclose(lens.top_probabilities[-1], p, atol=1e-6)
    assert (lens.kl[-1] == 0).all()
    assert (lens.kl >= 0).all()
    np.testing.assert_allclose(lens.top_probabilities.sum(-1), 1, atol=1e-5)
    assert ((lens.entropy > -1e-6) & (lens.entropy <= np.log(VOCABULARY) + 1e-5)).all()


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "bamba"])
def test_an_edited_run_is_read_with_the_last_steps_of_the_model(name):
    model, edits = (
        hooked(name),
        [mw.Ablate(mw.MLP(1)), mw.SetValue(mw.Residual(2, positions=[3]), 1.0)],
    )
    before, after = (logit_lens(model, example(), list_) for list_ in ([], edits))
    run = model.run(example(), edits)
    p = np.take_along_axis(run.logits[0].softmax(-1).numpy(), after.top_ids[-1], -1)
    np.testing.assert_allclose(after.top_probabilities[-1], p, atol=1e-6)
    assert (after.kl[-1] == 0).all()
    early = [row for row, site in enumerate(before.sites) if site.layer == 0]
    np.testing.assert_allclose(after.entropy[early], before.entropy[early], atol=1e-6)
    left, entered = (after.sites.index(Site(*s)) for s in (("resid_post", 1), ("resid_pre", 2)))
    assert np.abs(after.entropy[left] - after.entropy[entered]).max() > 1e-4


def test_blocks_do_not_matter_and_hold_what_they_promise(monkeypatch):
    model, largest = hooked("llama"), [0]
    real, real_rows = HookedModel.run, HookedModel.run_rows
    whole = logit_lens(model, example(), chosen=FOLLOWED)

    def watched(self, *args, **kwargs):
        run = real(self, *args, **kwargs)
        largest.append(run.logits.numel() * 4)
        return run

    def watched_rows(self, *args, **kwargs):
        rows = real_rows(self, *args, **kwargs)
        largest.append(sum(run.logits.numel() * 4 for run in rows))
        return rows

    monkeypatch.setattr(HookedModel, "run", watched)
    monkeypatch.setattr(HookedModel, "run_rows", watched_rows)
    for positions in (2, 4):
        limit = 4 * VOCABULARY * positions
        told = []
        cut = logit_lens(
            model,
            example(),
            chosen=FOLLOWED,
            block_bytes=limit,
            progress=lambda *numbers, told=told: told.append(numbers),
        )
        assert max(largest) <= limit
        assert told[-1][0] == told[-1][1] == len(cut.sites) * LENGTH
        assert told == sorted(told)
        assert len(told) == -(-LENGTH // positions)
        for name in ("top_probabilities", "chosen_logits", "entropy", "kl"):
            np.testing.assert_allclose(getattr(cut, name), getattr(whole, name), atol=1e-4)
        np.testing.assert_array_equal(cut.chosen_ranks, whole.chosen_ranks)


def test_streams_that_do_not_fit_are_read_layer_by_layer(monkeypatch):
    whole = logit_lens(hooked("gpt2"), example())
    monkeypatch.setattr(import_module("mechwidget.analysis.logit_lens"), "_STREAM_BYTES", 1)
    np.testing.assert_array_equal(logit_lens(hooked("gpt2"), example()).entropy, whole.entropy)


def test_positions_layers_and_sublayers_are_a_part_of_the_whole():
    model = hooked("gpt2")
    whole = logit_lens(model, example())
    part = logit_lens(
        model, example(), positions=[-1, 2], layers=[2, 0], sublayers=["resid_post", "resid_mid"]
    )
    names = ["resid_mid.0", "resid_post.0", "resid_mid.2", "resid_post.2"]
    assert [str(site) for site in part.sites] == names
    assert part.positions == (10, 2)
    rows = [whole.sites.index(site) for site in part.sites]
    np.testing.assert_allclose(part.kl, whole.kl[rows][:, [10, 2]], atol=1e-5)


def test_one_token_is_a_prompt_too():
    assert logit_lens(hooked("gpt2"), [7]).kl[-1] == 0


class MixesLater(GPT2LMHeadModel):
    """Its logits are running sums over positions: no stream says what they are."""

    def forward(self, *args, **kwargs):
        output = super().forward(*args, **kwargs)
        output.logits = output.logits.cumsum(1)
        return output


def test_a_model_that_mixes_positions_after_its_last_block_is_refused():
    model = mw.wrap(MixesLater(configuration("gpt2")).eval(), name="mixes")
    with pytest.raises(UnsupportedModelError, match="cannot be read layer by layer"):
        logit_lens(model, example())


def test_what_cannot_be_read_is_said():
    model = hooked("gpt2")
    with pytest.raises(MechwidgetError, match="no sublayer"):
        logit_lens(model, example(), sublayers=["resid_end"])
    with pytest.raises(ComponentError, match="no layer 3"):
        logit_lens(model, example(), layers=[3])
    with pytest.raises(MechwidgetError, match="Nothing to read"):
        logit_lens(hooked("phi"), example(), sublayers=["resid_mid"])
    with pytest.raises(CancelledError):
        logit_lens(model, example(), cancelled=lambda: True)
