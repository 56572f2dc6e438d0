"""Models with two stacks, and with one that attends both ways: what is where, and edits there."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import ComponentError, InterventionError, PromptError, SiteError
from mechwidget.interventions import component_from_json, intervention_from_json
from mechwidget.models.positions import position_texts
from mechwidget.models.signal import Signal
from tests.zoo.build import build

LONG = mw.Inputs(encoder=[5, 6, 7, 8, 9], decoder=[3, 11, 12])
OTHER = mw.Inputs(encoder=[25, 6, 27, 8, 9], decoder=[3, 31, 12])


@cache
def t5() -> mw.HookedModel:
    return mw.wrap(build("t5", "encoder-decoder"))


@cache
def whisper() -> mw.HookedModel:
    return mw.wrap(build("whisper", "speech"))


@cache
def clip() -> mw.HookedModel:
    return mw.wrap(build("clip", "image and text"))


@cache
def bert() -> mw.HookedModel:
    return mw.wrap(build("bert", "encoder"))


def test_layers_are_numbered_through_the_model_as_they_run() -> None:
    encoder, decoder = t5().stacks
    assert (encoder.name, list(encoder.layers), encoder.attends) == (
        "encoder",
        [0, 1, 2, 3],
        "both ways",
    )
    assert (decoder.name, list(decoder.layers), decoder.attends) == (
        "decoder",
        [4, 5, 6, 7],
        "backwards",
    )
    assert (decoder.crosses, encoder.crosses) == ("encoder", "")
    assert (encoder.main, decoder.main) == (False, True)
    assert t5().stack_of(3) is encoder
    assert t5().stack_of(4) is decoder


def test_the_sites_of_each_stack_have_its_positions() -> None:
    run = t5().run(LONG, read=t5().sites)
    assert run.logits.shape == (1, 3, 99)
    assert run.read["resid_pre", 0].shape == (1, 5, 32)
    assert run.read["resid_pre", 4].shape == (1, 3, 32)
    assert run.read["pattern", 1].shape == (1, 4, 5, 5)
    assert run.read["pattern", 5].shape == (1, 4, 3, 3)
    assert run.read["cross_pattern", 5].shape == (1, 4, 3, 5)
    assert run.read["cross_k", 5].shape == (1, 5, 4, 8)
    assert run.read["cross_z", 5].shape == (1, 3, 4, 8)
    assert ("cross_z", 1) not in t5().sites
    pattern = run.read["pattern", 1]
    assert pattern.triu(1).abs().max() > 0.01  # the encoder looks ahead
    assert run.read["pattern", 5].triu(1).abs().max() == 0
    with pytest.raises(SiteError):
        t5().run(LONG, read=[("cross_z", 1)])


def test_positions_that_are_read_are_those_of_the_answers() -> None:
    """The keys of cross attention stand at the encoder's positions, whatever their layer."""
    some = t5().run(LONG, read=["cross_pattern", "cross_q"], read_positions=[-1])
    whole = t5().run(LONG, read=["cross_pattern", "cross_q"])
    assert torch.equal(some.read["cross_pattern", 5], whole.read["cross_pattern", 5][:, :, -1:])
    assert torch.equal(some.read["cross_q", 5], whole.read["cross_q", 5][:, -1:])
    for site in ("cross_k.5", "cross_v.5", "z.1"):
        with pytest.raises(SiteError, match="is at the positions of the encoder"):
            t5().run(LONG, read=[site], read_positions=[-1])


def test_positions_of_a_component_are_those_of_its_stack() -> None:
    fourth = mw.Ablate(mw.Residual(1, positions=(4,)))
    read = [("resid_pre", layer) for layer in (1, 2)]
    plain, edited = t5().run(LONG, read=read), t5().run(LONG, [fourth], read=read)
    assert edited.read["resid_pre", 1][0, 4].abs().max() == 0
    assert torch.equal(edited.read["resid_pre", 1][0, :4], plain.read["resid_pre", 1][0, :4])
    assert (edited.logits != plain.logits).any()
    with pytest.raises(InterventionError, match="the prompt has 3 tokens"):
        t5().run(LONG, [mw.Ablate(mw.Residual(5, positions=(4,)))])


def test_a_cross_head_ablated_is_its_columns_of_the_cross_projection_zeroed() -> None:
    other = copy.deepcopy(t5().model)
    weight = other.decoder.block[1].layer[1].EncDecAttention.o.weight
    with torch.no_grad():
        weight[:, 16:24] = 0
        ids = {"input_ids": [[5, 6, 7, 8, 9]], "decoder_input_ids": [[3, 11, 12]]}
        own = other(**{name: torch.tensor(value) for name, value in ids.items()}).logits
    run = t5().run(LONG, [mw.Ablate(mw.Head(5, 2, cross=True))])
    assert str(run.fired[0].site) == "cross_z.5"
    assert torch.allclose(run.logits, own, atol=1e-4)


def test_without_cross_attention_the_encoder_does_not_matter() -> None:
    off = [mw.Ablate(mw.Attention(layer, cross=True)) for layer in range(4, 8)]
    mixed = mw.Inputs(encoder=OTHER.encoder, decoder=LONG.decoder)
    assert (t5().run(LONG).logits != t5().run(mixed).logits).any()
    assert torch.equal(t5().run(LONG, off).logits, t5().run(mixed, off).logits)


def test_what_no_layer_has_is_refused_by_name() -> None:
    with pytest.raises(ComponentError, match=r"cross head 1\.0 does not exist"):
        t5().run(LONG, [mw.Ablate(mw.Head(1, 0, cross=True))])
    with pytest.raises(ComponentError, match="no attention to another stack"):
        bert().run([5, 6], [mw.Ablate(mw.Attention(1, cross=True))])
    with pytest.raises(InterventionError, match="cross"):
        mw.Head(5, 0, cross="yes")  # type: ignore[arg-type]


@pytest.mark.parametrize("component", [mw.Head(5, 2, cross=True), mw.Attention(5, cross=True)])
def test_cross_components_go_through_json(component: mw.Head | mw.Attention) -> None:
    assert component_from_json(component.to_json()) == component
    edit = mw.Ablate(component)
    assert intervention_from_json(edit.to_json()) == edit
    assert edit.sentence.startswith("Zero cross ")


@pytest.mark.parametrize("model", [t5, whisper, clip, bert], ids=lambda model: model.__name__)
def test_replay_and_rows_are_the_run_itself_in_every_stack(model) -> None:
    hooked = model()
    prompt = hooked.tokenize(hooked.source.example())
    hooked.run(prompt)
    variants = [
        [mw.Ablate(mw.Head(layer, head)), mw.Scale(mw.MLP(layer), 0.5)]
        for stack in hooked.stacks
        for layer in (stack.layers[0], stack.layers[-1])
        for head in (0, 3)
    ]
    rows = hooked.run_rows(prompt, variants)
    replayed = set()
    for variant, row in zip(variants, rows, strict=True):
        full = hooked.run(prompt, variant, replay=False)
        again = hooked.run(prompt, variant)
        replayed.add(again.plan.replayed)
        assert torch.equal(again.logits, full.logits)
        assert torch.allclose(row.logits, full.logits, atol=2e-4)
    firsts = {layer for s in hooked.stacks for layer in (s.layers[0], s.layers[-1])}
    assert replayed == firsts
    assert max(row.plan.rows for row in rows) > 1


def test_the_encoder_patched_from_another_prompt_is_the_other_prompt() -> None:
    last = t5().stacks[0].layers[-1]
    patch = mw.Patch(mw.Residual(last, end="post"), [25, 6, 27, 8, 9])
    mixed = mw.Inputs(encoder=OTHER.encoder, decoder=LONG.decoder)
    run = t5().run(LONG, [patch])
    assert torch.allclose(run.logits, t5().run(mixed).logits, atol=1e-5)


def test_a_source_may_say_what_both_stacks_read() -> None:
    """Patching the decoder's stream needs the other prompt's decoder too."""
    last = t5().stacks[1].layers[-1]
    tokens = t5().tokenize(OTHER)
    patches = [mw.Patch(mw.Residual(last, end="post"), given) for given in (OTHER, tokens)]
    assert patches[0] == patches[1]
    assert intervention_from_json(patches[0].to_json()) == patches[0]
    assert patches[0].sentence == "Patch residual after layer 7 from “25 6 27 8 9” and “3 31 12”"
    run = t5().run(LONG, patches[:1])
    assert torch.allclose(run.logits, t5().run(OTHER).logits, atol=1e-5)


def test_mean_over_the_prompt_itself_position_by_position_changes_nothing() -> None:
    head = mw.Head(1, 2)
    run = t5().run(LONG, [mw.Ablate(head, "mean", over=[[5, 6, 7, 8, 9]], by_position=True)])
    assert run.fired[0].largest < 1e-6


def test_frozen_patterns_of_both_stacks_are_those_of_the_baseline() -> None:
    edits = [mw.Scale(mw.MLP(0), 3.0), mw.Freeze("pattern")]
    plain, frozen = (
        t5().run(LONG, some, read=["pattern"]).read.layers("pattern") for some in ([], edits)
    )
    assert all(torch.equal(plain[layer], frozen[layer]) for layer in plain)


def test_baselines_of_different_inputs_are_not_mixed_up() -> None:
    """What is remembered is keyed by everything that was read, the sound's numbers included."""
    torch.manual_seed(0)
    sounds = [torch.randn(8, 64) for _ in range(3)]
    prompts = [mw.Inputs(sound, [5, 6]) for sound in (*sounds, sounds[0].clone())]
    first = [whisper().run(prompt).logits for prompt in prompts]
    assert torch.equal(first[0], first[3])
    assert not torch.equal(first[0], first[1])
    edit = [mw.Ablate(mw.Head(6, 1))]
    for prompt in prompts:
        run = whisper().run(prompt, edit)
        assert run.plan.replayed == 6
        assert torch.equal(run.logits, whisper().run(prompt, edit, replay=False).logits)


def test_a_start_token_that_the_model_does_not_know_is_named() -> None:
    """Before the sound is counted, which runs the decoder."""
    model = mw.wrap(build("whisper", "speech", decoder_start_token_id=50_257))
    with pytest.raises(PromptError, match="50257 is outside the model's vocabulary"):
        model.tokenize(torch.zeros(8, 64))


def test_towers_that_are_compared_are_two_stacks_with_one_answer() -> None:
    image, text = clip().stacks
    assert (image.name, image.attends, text.name, text.attends) == (
        "image",
        "both ways",
        "text",
        "backwards",
    )
    prompt = mw.Inputs(encoder=torch.ones(3, 16, 16), decoder=[1, 7, 8, 2])
    run = clip().run(prompt, read=["resid_pre"])
    assert run.logits.shape == (1, 1, 1)
    assert run.positions == (0,)
    assert run.tokens.encoder is not None
    assert run.tokens.encoder.texts == ("class", "patch 0,0", "patch 0,1", "patch 1,0", "patch 1,1")
    assert run.read["resid_pre", 0].shape[1] == 5
    assert run.read["resid_pre", text.first].shape[1] == 4
    with pytest.raises(PromptError):
        clip().run(prompt, positions=[1])


def test_a_classifier_has_one_answer() -> None:
    model = mw.wrap(build("vit", "vision"))
    run = model.run(torch.zeros(3, 16, 16), [mw.Ablate(mw.Head(1, 0, positions=(0,)))])
    assert run.logits.shape[:2] == (1, 1)
    assert model.ledger.answer == "label"
    assert "one answer per prompt: its logits have one position" in model.notes


def test_a_model_without_a_head_shows_its_last_hidden_state() -> None:
    model = mw.wrap(build("clip_text_model", "encoder"))
    run = model.run([5, 6, 7], positions=[-1])
    with torch.no_grad():
        own = model.model(input_ids=torch.tensor([[5, 6, 7]])).last_hidden_state
    assert torch.equal(run.logits, own[:, -1:])
    assert model.ledger.answer == "hidden state"
    assert "it has no head: its last hidden state takes the place of logits" in model.notes


def test_an_encoder_is_one_stack_that_attends_both_ways() -> None:
    (stack,) = bert().stacks
    assert (stack.name, stack.attends, stack.n_layers) == ("encoder", "both ways", 4)
    assert "the stream is not a plain sum in every layer" in bert().notes


@pytest.mark.parametrize(
    ("kind", "shape", "n", "first", "last"),
    [
        ("image", (3, 16, 32), 8, "patch 0,0", "patch 1,3"),
        ("image", (3, 16, 32), 9, "class", "patch 1,3"),
        ("image", (3, 16, 16), 7, "extra 0", "patch 1,1"),
        ("image", (3, 7, 16), 5, "patch 0", "patch 4"),
        ("sound", (8, 64), 3, "frame 0", "frame 2"),
        ("video", (2, 3, 8, 8), 2, "patch 0", "patch 1"),
    ],
)
def test_positions_of_a_signal_have_names(
    kind: str, shape: tuple[int, ...], n: int, first: str, last: str
) -> None:
    named = position_texts(Signal(kind, torch.zeros(shape)), n)
    assert (len(named), len(set(named))) == (n, n)
    assert (named[0], named[-1]) == (first, last)
