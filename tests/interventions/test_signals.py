"""What is taken from the run of another image or another sound is exactly what it held."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.errors import InterventionError, PromptError
from mechwidget.interventions import intervention_from_json
from tests.interventions.parts import parts
from tests.zoo.build import build

KINDS = {"vit": "vision", "whisper": "speech", "wav2vec2": "speech"}
LAYER, HEAD = 1, 2
each_model = pytest.mark.parametrize("name", KINDS)


@cache
def hooked(name: str) -> mw.HookedModel:
    starts = {"decoder_start_token_id": 1} if name == "whisper" else {}
    return mw.wrap(build(name, KINDS[name], **starts))


def signals(name: str, n: int = 3) -> list[torch.Tensor]:
    """Images or sounds of the shape that the model reads."""
    example = hooked(name).source.example()
    part = example if example.encoder is None else example.encoder
    generator = torch.Generator().manual_seed(0)
    shape = part.signal.tensor.shape
    return [torch.randn(shape, generator=generator) for _ in range(n)]


@torch.no_grad()
def z_of(name: str, signal: torch.Tensor) -> torch.Tensor:
    """What goes into the output projection of a layer, by a plain hook."""
    model, held = hooked(name), []
    write = model.ledger.blocks[LAYER].write("attention")
    module = model.model.get_submodule(write.projection.module)
    handle = module.register_forward_pre_hook(lambda _, args: held.append(args[0].clone()))
    try:
        model.source.call(model.model, model.tokenize(signal), 1)
    finally:
        handle.remove()
    return held[0]


def edited_z(name: str, *edits: Any) -> torch.Tensor:
    run = hooked(name).run(signals(name)[0], edits, read=[("z", LAYER)])
    return run.read["z", LAYER]


def as_heads(name: str, z: torch.Tensor) -> torch.Tensor:
    return z.unflatten(-1, (hooked(name).n_heads(LAYER), -1))


@each_model
def test_what_comes_from_the_same_signal_changes_no_bit(name: str) -> None:
    model, (here, *_) = hooked(name), signals(name)
    plain = model.run(here)
    for part in parts(model):
        for edit in (
            mw.Patch(part, here),
            mw.Patch(part, model.tokenize(here), "end"),
            mw.Ablate(part, "mean", here, by_position=True),
            mw.Ablate(part, "resample", [here, here.clone()], seed=3),
        ):
            run = model.run(here, [edit])
            assert torch.equal(run.logits, plain.logits), edit
            assert all(each.change == 0 for each in run.fired)


@each_model
def test_patching_the_whole_stream_is_the_other_signal(name: str) -> None:
    model, (here, there, _) = hooked(name), signals(name)
    last = model.stacks[0].layers[-1]
    run = model.run(here, [mw.Patch(mw.Residual(last, end="post"), there)])
    assert torch.equal(run.logits, model.run(there).logits)
    assert not torch.equal(run.logits, model.run(here).logits)


@each_model
def test_a_head_is_patched_averaged_and_resampled_as_hooks_would(name: str) -> None:
    here, *others = signals(name)
    plain = as_heads(name, z_of(name, here))
    held = [as_heads(name, z_of(name, each)) for each in others]
    mean = torch.cat([each[0, :, HEAD] for each in held]).mean(0)
    by_position = torch.stack([each[0, :, HEAD] for each in held]).mean(0)
    head = mw.Head(LAYER, HEAD)
    for edit, value in (
        (mw.Patch(head, others[0]), held[0][0, :, HEAD]),
        (mw.Ablate(head, "mean", others), mean),
        (mw.Ablate(head, "mean", others, by_position=True), by_position),
        (mw.Ablate(head, "resample", others[1]), held[1][0, :, HEAD]),
    ):
        expected = plain.clone()
        expected[0, :, HEAD] = value
        assert torch.allclose(edited_z(name, edit), expected, atol=1e-5), edit
    reference = mw.Ablate(head, "mean", others).reference(hooked(name))
    assert torch.allclose(reference.mean, mean, atol=1e-5)
    assert reference.n == 2 * plain.shape[1]


def test_both_stacks_may_be_given() -> None:
    """A part of the decoder is patched from a sound and from what was said of it."""
    model, (here, there, _) = hooked("whisper"), signals("whisper")
    prompt, source = mw.Inputs(here, [5, 6, 7]), mw.Inputs(there, [5, 8, 7])
    last = model.stacks[1].layers[-1]
    patch = mw.Patch(mw.Residual(last, end="post"), source)
    assert patch == mw.Patch(mw.Residual(last, end="post"), model.tokenize(source))
    assert torch.equal(model.run(prompt, [patch]).logits, model.run(source).logits)
    assert patch.sentence.endswith("from a signal of 8 by 64 numbers and “5 8 7”")
    with pytest.raises(InterventionError, match="JSON has room for text"):
        patch.to_json()


def test_equal_signals_make_equal_interventions_that_nobody_changes() -> None:
    (image, other, _), head = signals("vit"), mw.Head(LAYER, HEAD)
    same, made = image.clone(), mw.Patch(head, image)
    assert made == mw.Patch(head, same) == mw.Patch(head, hooked("vit").tokenize(same))
    assert hash(made) == hash(mw.Patch(head, same))
    assert len({made, mw.Patch(head, same), mw.Patch(head, other)}) == 2
    assert made != mw.Patch(head, image.flatten())
    assert made != mw.Patch(head, image.numpy())  # a preprocessor may read that in another way
    assert mw.Patch(head, image.numpy()) == mw.Patch(head, same.numpy())
    before = edited_z("vit", made)
    image.zero_()
    assert torch.equal(edited_z("vit", made), before)
    several = mw.Ablate(head, "mean", [same, other])
    assert several == mw.Ablate(head, "mean", (same.clone(), other))
    assert several != mw.Ablate(head, "mean", [other, same])


def test_only_what_is_text_or_ids_goes_into_json() -> None:
    (image, *_), head = signals("vit"), mw.Head(LAYER, HEAD)
    for edit in (mw.Patch(head, image), mw.Ablate(head, "resample", [image, "words"])):
        with pytest.raises(InterventionError, match="Keep the intervention in code"):
            edit.to_json()
        assert "signal of 3 by" in mw.Patch(head, image).sentence
    ids = torch.tensor([[5, 6, 7]])
    for given in (ids, ids[0], ids.numpy(), ids[0].tolist()):
        edit = mw.Patch(head, given)
        assert edit.source == (5, 6, 7)
        assert intervention_from_json(edit.to_json()) == edit


def test_an_array_or_a_picture_goes_through_the_preprocessor() -> None:
    class Picture:
        """Has numbers, and no dtype of its own, as those of an imaging library have."""

        def __init__(self, numbers: np.ndarray) -> None:
            self.numbers = numbers
            self.__array_interface__ = numbers.__array_interface__

        def copy(self) -> Picture:
            return Picture(self.numbers.copy())

    class Halves:
        model_input_names = ("pixel_values",)

        def __call__(self, picture: Any, **_: Any) -> dict[str, torch.Tensor]:
            numbers = picture.numbers if isinstance(picture, Picture) else picture
            return {"pixel_values": torch.tensor(numbers).permute(2, 0, 1)[None].float() / 2}

    model = mw.wrap(build("vit", "vision"), Halves())
    size = signals("vit")[0].shape[-1]
    pixels = np.random.default_rng(0).integers(0, 9, (size, size, 3), dtype=np.uint8)
    part = mw.Residual(model.n_layers - 1, end="post")
    here, tensor = signals("vit")[0], torch.tensor(pixels).permute(2, 0, 1) / 2
    expected = model.run(here, [mw.Patch(part, tensor)]).logits
    made = [mw.Patch(part, pixels), mw.Patch(part, Picture(pixels))]
    assert made[1] == mw.Patch(part, Picture(pixels.copy()))
    pixels[:] = 0
    for edit in made:
        assert torch.equal(model.run(here, [edit]).logits, expected)


def test_what_no_model_reads_is_refused_in_words() -> None:
    head, (image, *_) = mw.Head(LAYER, HEAD), signals("vit")
    for bad in (torch.tensor(3.0), np.array(["a", "b"]), None, 3.5, torch.zeros(0, dtype=int)):
        with pytest.raises(InterventionError, match="The source is"):
            mw.Patch(head, bad)
    with pytest.raises(PromptError, match="expected 3 axes"):
        hooked("vit").run(image, [mw.Patch(head, torch.zeros(5))])
    with pytest.raises(PromptError, match="not finite"):
        hooked("vit").run(image, [mw.Patch(head, image / 0)])
    with pytest.raises(PromptError):
        mw.wrap(build("gpt2")).run([5, 6], [mw.Patch(head, image)])
    with pytest.raises(PromptError, match="this model reads a tensor"):
        hooked("vit").run(image, [mw.Patch(head, "words")])
