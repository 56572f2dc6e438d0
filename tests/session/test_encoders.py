"""Sessions about models that are no decoders: what they show, and what is refused and why."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    ViTConfig,
    ViTForImageClassification,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

import mechwidget as mw
from mechwidget.analysis import kl_nats
from mechwidget.errors import InterventionError, UnsupportedModelError
from tests.session.encoders import BLANK, masked_model, masked_module, two_stack_model
from tests.session.tiny import SECONDS, swept

MASK_AT = 2


@pytest.fixture(scope="module")
def masked():
    return masked_model()


@pytest.fixture(scope="module")
def translating():
    return two_stack_model()


def test_a_masked_language_model_is_asked_about_its_blank(masked):
    with mw.Session(masked, BLANK) as session:
        assert session.now().state.position == MASK_AT
        session.ablate(mw.Head(1, 2))
        assert session.result.positions == (MASK_AT,)
        own = masked.model(torch.tensor([session.result.tokens.ids])).logits[0, MASK_AT]
        torch.testing.assert_close(session.baseline.logits[0, 0], own)
        edited = masked.run(BLANK, [mw.Ablate(mw.Head(1, 2))]).logits[0, MASK_AT]
        assert session.outcome.kl == pytest.approx(kl_nats(own, edited), rel=1e-4)
        session.prompt = "the cat sat"
        assert session.now().state.position == 2, "no blank: the last"


def test_a_metric_at_the_blank(masked):
    metric = mw.LogitDiff("sat", "ran", position=MASK_AT)
    with mw.Session(masked, BLANK, metric) as session:
        session.ablate(mw.MLP(0))
        logits = masked.run(BLANK, [mw.Ablate(mw.MLP(0))]).logits[0, MASK_AT]
        sat, ran = masked.token_id("sat"), masked.token_id("ran")
        assert session.metric_value == pytest.approx(float(logits[sat] - logits[ran]), abs=1e-4)
        effects = session.effects().result(SECONDS)
    np.testing.assert_allclose(effects, swept(masked, BLANK, metric), atol=1e-5)


def test_effects_without_a_metric_are_those_on_the_blank(masked):
    with mw.Session(masked, BLANK) as session:
        effects = session.effects().result(SECONDS)
    base = masked.run(BLANK).logits[0, MASK_AT]
    edited = masked.run(BLANK, [mw.Ablate(mw.Head(0, 1))]).logits[0, MASK_AT]
    assert effects[0, 1] == pytest.approx(kl_nats(base, edited), rel=1e-3)


def test_patterns_look_both_ways_and_are_the_models_own(masked):
    module = masked_module()
    module.set_attn_implementation("eager")
    with mw.Session(masked, BLANK) as session, torch.no_grad():
        ids = torch.tensor([session.result.tokens.ids])
        own = module(ids, output_attentions=True).attentions
        pattern = session.pattern(mw.Head(1, 0), edited=False).result(SECONDS)
        assert pattern.triu(1).max() > 0.01
        torch.testing.assert_close(pattern, own[1][0, 0])


def test_two_stacks_have_patterns_each_with_its_own_sides(translating):
    prompt = mw.Inputs(encoder="the cat sat on the mat", decoder="a dog ran")
    with mw.Session(translating, prompt) as session:
        assert session.prompt == prompt
        assert session.pattern(mw.Head(0, 0)).result(SECONDS).shape == (6, 6)
        assert session.pattern(mw.Head(2, 0)).result(SECONDS).shape == (3, 3)
        cross = session.pattern(mw.Head(3, 1, cross=True)).result(SECONDS)
        assert cross.shape == (3, 6)
        torch.testing.assert_close(cross.sum(-1), torch.ones(3))
        assert session.scores("previous_token").result(SECONDS).heads.shape == (4, 3)
        effects = session.effects().result(SECONDS)
        assert effects.shape == (4, 6)
        assert not np.isnan(effects).any()


def test_each_stack_counts_its_own_positions(translating):
    with mw.Session(translating, "the cat sat on the mat") as session:
        assert len(session.result.tokens) == 1
        session.ablate(mw.Head(0, 1, positions=[5]))
        with pytest.raises(InterventionError, match="position 5"):
            session.ablate(mw.Head(2, 1, positions=[5]))
        session.select(mw.Head(0, 0, positions=[5]))
        fresh = translating.run("the cat sat on the mat", session.interventions, positions=[-1])
        assert torch.equal(session.result.logits, fresh.logits)
        assert not torch.equal(session.baseline.logits, session.result.logits)


def test_token_ids_go_to_the_stack_that_reads_the_prompt(translating):
    with mw.Session(translating, [3, 4, 5]) as session:
        assert session.prompt == (3, 4, 5)
        session.prompt = session.prompt
        assert session.result.tokens.encoder.ids == (3, 4, 5)


SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def picture_model():
    return ViTForImageClassification(ViTConfig(image_size=32, patch_size=8, **SMALL))


def sound_model():
    sizes = {
        f"{part}_{name}": value
        for part in ("encoder", "decoder")
        for name, value in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 32))
    }
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 3}
    limits = {"num_mel_bins": 8, "max_source_positions": 20, "max_target_positions": 20}
    return WhisperForConditionalGeneration(
        WhisperConfig(vocab_size=60, d_model=16, **sizes, **ids, **limits)
    )


def bert(kind):
    return kind(BertConfig(vocab_size=40, num_labels=3, **SMALL))


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (picture_model, "reads images"),
        (sound_model, "reads sound"),
        (lambda: bert(BertForSequenceClassification), "one answer per prompt"),
        (lambda: bert(BertForTokenClassification), "answers with 3 labels"),
        (lambda: bert(BertModel), "answers with hidden states"),
    ],
    ids=["pictures", "sound", "one label", "labels", "no head"],
)
def test_what_is_no_model_of_text_is_refused_with_what_works_instead(module, reason):
    torch.manual_seed(0)
    model = mw.wrap(module().eval())
    with pytest.raises(UnsupportedModelError, match=reason) as refused:
        mw.Session(model, [1, 2, 3])
    assert "model.run" in refused.value.hint
