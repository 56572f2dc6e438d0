"""`mw.load` opens each kind of model with the class that it was saved from, and its inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import mechwidget as mw
from mechwidget.errors import PromptError
from tests.zoo.build import build
from tests.zoo.own import logits, prompt_of

KINDS = {
    "encoder:bert": "BertForMaskedLM",
    "encoder-decoder:t5": "T5ForConditionalGeneration",
    "encoder:t5": "T5EncoderModel",
    "speech:whisper": "WhisperForConditionalGeneration",
    "speech:wav2vec2": "Wav2Vec2ForCTC",
    "vision:vit": "ViTForImageClassification",
    "vision:clip_vision_model": "CLIPVisionModel",
    "image and text:clip": "CLIPModel",
}


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_gives_the_model_that_was_saved(tmp_path: Path, name: str) -> None:
    family, _, kind = name.partition(":")
    saved = build(kind, family)
    saved.save_pretrained(tmp_path)
    loaded = mw.load(tmp_path)
    assert type(loaded.model).__name__ == KINDS[name] == type(saved).__name__
    prompt = prompt_of(loaded)
    with torch.no_grad():
        # Weights from a file lie elsewhere in memory, where products may be rounded otherwise.
        torch.testing.assert_close(loaded.run(prompt).logits, logits(saved, prompt))


def test_sound_goes_through_the_feature_extractor_beside_the_weights(tmp_path: Path) -> None:
    model = build("whisper", "speech")
    model.save_pretrained(tmp_path)
    extractor = transformers.WhisperFeatureExtractor(
        feature_size=8, chunk_length=1, sampling_rate=6400, hop_length=100, n_fft=200
    )
    extractor.save_pretrained(tmp_path)
    loaded = mw.load(tmp_path)
    sound = np.sin(np.arange(6400) / 10).astype(np.float32)
    features = extractor(sound, sampling_rate=6400, return_tensors="pt").input_features
    prompt = mw.Inputs(encoder=sound, decoder=[5, 6])
    run = loaded.run(prompt)
    assert run.tokens.encoder is not None
    assert run.tokens.encoder.texts[12] == "frame 12"
    assert torch.equal(run.logits, loaded.run(mw.Inputs(features, [5, 6])).logits)
    with torch.no_grad():
        own = model(
            input_features=features, decoder_input_ids=torch.tensor([[5, 6]]), use_cache=False
        )
    assert torch.equal(run.logits, own.logits)


def test_text_for_an_encoder_decoder_goes_to_the_encoder() -> None:
    model = mw.wrap(build("t5", "encoder-decoder", decoder_start_token_id=3))
    run = model.run([5, 6, 7, 8])
    assert run.tokens.ids == (3,)
    assert run.tokens.encoder is not None
    assert run.tokens.encoder.ids == (5, 6, 7, 8)
    assert run.logits.shape[:2] == (1, 1)


@pytest.mark.parametrize(
    ("name", "prompt", "message"),
    [
        ("vision:vit", "a cat", "reads a tensor of shape"),
        ("vision:vit", [1, 2, 3], "has no preprocessor"),
        ("vision:vit", torch.zeros(7), "expected 3 axes"),
        ("vision:vit", torch.full((3, 16, 16), torch.nan), "not finite"),
        ("vision:vit", torch.zeros(3, 5, 5), "does not take this prompt"),
        ("encoder:bert", mw.Inputs([1, 2]), "this model has one"),
        ("encoder:bert", [1, 200], "outside the model's vocabulary"),
        ("encoder-decoder:t5", mw.Inputs(None, [1]), "nothing for the encoder"),
        ("encoder-decoder:t5", mw.Inputs([], [1]), "empty"),
        ("encoder-decoder:t5", mw.Inputs([200], [1]), "outside the model's vocabulary"),
        ("encoder-decoder:t5", mw.Tokens((1,), ("a",), (False,)), "another kind of model"),
        ("image and text:clip", torch.zeros(3, 16, 16), "nothing for the decoder"),
    ],
)
def test_a_prompt_of_the_wrong_kind_is_refused(name: str, prompt: object, message: str) -> None:
    family, _, kind = name.partition(":")
    model = mw.wrap(build(kind, family))
    with pytest.raises(PromptError, match=message):
        model.run(prompt)
