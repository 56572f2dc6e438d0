"""Scripts for other architectures and other ways to have a model; what no script can say."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from mechwidget.as_code import as_code
from mechwidget.errors import InterventionError
from tests.as_code.models import IDS, OTHER, TEXT, measured, metric, model, run
from tests.models.zoo.build import build
from tests.models.zoo.species import ZOO
from tests.session.encoders import BLANK, masked_model, two_stack_model
from tests.session.tiny import tiny_module, tiny_tokenizer
from tests.zoo.build import build as build_any

HOW = mw.LogitDiff(17, 40)
DONE = [mw.Ablate(mw.Head(1, 2)), mw.Scale(mw.MLP(0), 2.0), mw.KnockOut(mw.Edge(1, 1, -1, -2))]


@pytest.mark.parametrize("name", ["granite", "gpt_oss", "gpt_neox", "opt", "qwen3", "cohere"])
def test_other_architectures(name, tmp_path):
    """Scaled writes, sinks, parallel blocks, flat MLPs: what a hook has to know of them."""
    hooked, how = model(name), mw.LogitDiff(17, 40)
    done = [
        mw.Ablate(mw.Head(1, 2, [-1, 3])),
        mw.Steer(mw.MLP(0), mw.Vector([0.3] * hooked.d_model), 0.5),
        mw.Ablate(mw.Attention(2), "mean", over=[OTHER]),
        mw.KnockOut(mw.Edge(2, 1, -1, 0)),
        mw.SkipLayer(1),
    ]
    if mw.Site("resid_mid", 1) in hooked.sites:
        done.append(mw.Patch(mw.Residual(2, [-1], "mid"), OTHER))
    found, _ = run(as_code(hooked, IDS, done, how, "hooks"), tmp_path, hooked)
    assert found == pytest.approx(measured(hooked, IDS, done, how), abs=1e-4)


def test_scaled_writes_in_transformer_lens(tmp_path):
    pytest.importorskip("transformer_lens")
    hooked, how = model("granite"), mw.LogitDiff(17, 40)
    done = [
        mw.Steer(mw.MLP(0), mw.Vector([0.3] * hooked.d_model), 0.5),
        mw.Patch(mw.Residual(2, [-1], "mid"), OTHER),
    ]
    found, _ = run(as_code(hooked, IDS, done, how, "transformer_lens"), tmp_path, hooked)
    assert found == pytest.approx(measured(hooked, IDS, done, how), abs=1e-4)


def test_half_precision(tmp_path):
    hooked = mw.wrap(tiny_module().to(torch.bfloat16), tiny_tokenizer())
    done = [
        mw.Steer(mw.Residual(1), [0.5] * hooked.d_model, 0.3, unit="share"),
        mw.Ablate(mw.Head(1, 1), "mean", over=["the dog ran"]),
    ]
    found, _ = run(as_code(hooked, TEXT, done, metric("gpt2"), "hooks"), tmp_path, hooked)
    assert found == pytest.approx(measured(hooked, TEXT, done, metric("gpt2")), abs=0.05)


@pytest.mark.parametrize(
    ("name", "style", "done", "why"),
    [
        ("gptj", "hooks", mw.KnockOut(mw.Edge(1, 1, -1, 0)), "no hook comes past"),
        ("gpt_oss", "transformer_lens", mw.KnockOut(mw.Edge(1, 1, -1, 0)), "sink"),
        ("llama", "hooks", mw.Freeze("norm"), "what a norm divides by"),
        ("mixtral", "hooks", mw.Ablate(mw.ExpertNeuron(1, 2, 3)), "routed experts"),
        ("opt", "transformer_lens", mw.KnockOut(mw.Edge(1, 1, -1, 0)), "goes nowhere"),
        ("opt_post_norm", "transformer_lens", mw.Ablate(mw.Head(1, 1)), "norm the stream itself"),
        ("falcon_alibi", "transformer_lens", mw.Ablate(mw.Head(1, 1)), "ALiBi"),
        ("openai_gpt", "hooks", mw.SkipLayer(1), "is not .batch, position, width"),
        ("llama", "morse", mw.Ablate(mw.Head(1, 1)), "no style 'morse'"),
    ],
)
def test_what_a_style_cannot_say_is_refused_in_words(name, style, done, why):
    with pytest.raises(InterventionError, match=why):
        as_code(model(name), IDS, [done], mw.LogitDiff(17, 40), style)


def test_a_model_called_in_its_own_way_is_refused_but_by_our_own_style(tmp_path):
    module = tiny_module()
    hooked = mw.wrap(module, source=mw.TextSource(call=lambda module, ids: module(ids).logits))
    done, how = [mw.Ablate(mw.Head(1, 2))], mw.LogitDiff(9, 10)
    for style in ("hooks", "transformer_lens"):
        with pytest.raises(InterventionError, match="Source of its own"):
            as_code(hooked, (3, 4, 5), done, how, style)
    path = tmp_path
    found, _ = run(as_code(hooked, (3, 4, 5), done, how), path, model=hooked)
    assert found == pytest.approx(measured(hooked, (3, 4, 5), done, how), abs=1e-4)


def test_adapters_and_training_mode(tmp_path):
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(target_modules=["q_proj", "o_proj"], init_lora_weights=False)
    module = peft.get_peft_model(build("llama"), config).train()
    hooked = mw.wrap(module)
    for style in ("mechwidget", "hooks"):
        found, _ = run(as_code(hooked, IDS, DONE, HOW, style), tmp_path, hooked)
        assert found == pytest.approx(measured(hooked, IDS, DONE, HOW), abs=1e-4), style
    with pytest.raises(InterventionError, match="a Hugging Face model as it is"):
        as_code(hooked, IDS, DONE, HOW, "transformer_lens")


def test_a_bridge_in_memory(tmp_path):
    pytest.importorskip("transformer_lens")
    from tests.parity.pairs import bridge_of

    bridge = bridge_of(build("gpt2"))
    hooked = mw.wrap(bridge)
    for style, done in (("mechwidget", DONE), ("transformer_lens", DONE), ("hooks", DONE[:2])):
        found, _ = run(as_code(hooked, IDS, done, HOW, style), tmp_path, bridge=bridge)
        assert found == pytest.approx(measured(hooked, IDS, done, HOW), abs=1e-4), style


def test_a_model_that_fills_in_and_one_with_two_stacks(tmp_path):
    masked, how = masked_model(), mw.LogitDiff("mat", "rug", position=2)
    for style in ("mechwidget", "hooks"):
        found, _ = run(as_code(masked, BLANK, DONE, how, style), tmp_path, masked)
        assert found == pytest.approx(measured(masked, BLANK, DONE, how), abs=1e-4), style
    two, done = two_stack_model(), [mw.Ablate(mw.Head(1, 2)), mw.Scale(mw.MLP(2), 2.0)]
    how = mw.LogitDiff(9, 10)
    for prompt in (TEXT, mw.Inputs(TEXT, [0, 5, 6]), (3, 4, 5)):
        found, _ = run(as_code(two, prompt, done, how), tmp_path, two)
        assert found == pytest.approx(measured(two, prompt, done, how), abs=1e-4)
    with pytest.raises(InterventionError, match="one sequence of token ids"):
        as_code(two, TEXT, done, how, "hooks")


def test_patterns_over_another_stack(tmp_path):
    two, how = two_stack_model(), mw.LogitDiff(9, 10)
    n, m = 18, 9
    prompt = mw.Inputs(list(range(3, 3 + m)), list(range(3, 3 + n)))
    layer = two.stacks[1].first
    oblong = torch.rand(n, m, generator=torch.Generator().manual_seed(0))
    done = [
        mw.KnockOut(mw.Edge(layer, 1, -1, 3, cross=True)),
        mw.ReplacePattern(mw.Head(layer, 2, [-1], cross=True), "uniform"),
        mw.ReplacePattern(mw.Head(layer, 0, cross=True), oblong),
    ]
    code = as_code(two, prompt, done, how)
    assert "`given_3`: a pattern [query, key] of 18 by 9 numbers" in code
    found, _ = run(code, tmp_path, two, given_3=oblong)
    assert found == pytest.approx(measured(two, prompt, done, how), abs=1e-4)
    assert abs(found[0] - found[1]) > 1e-4
    for style in ("hooks", "transformer_lens"):
        with pytest.raises(InterventionError, match="one sequence of token ids"):
            as_code(two, prompt, done[:1], how, style)


def test_sounds_are_taken_from_where_the_script_is_run(tmp_path):
    whisper, how = mw.wrap(build_any("whisper", "speech", decoder_start_token_id=1)), HOW
    here, there = torch.randn(2, 8, 64, generator=torch.Generator().manual_seed(0))
    part = mw.Residual(whisper.stacks[0].layers[-1], end="post")
    done = [mw.Patch(part, there), mw.Ablate(mw.Head(1, 2), "mean", [there, here])]
    taken = {"source_1": there, "source_2": there, "source_2_2": here}
    for prompt, given in (
        (here, {"signal": here}),
        (mw.Inputs(here, [1, 5]), {"signal": here}),
        (whisper.tokenize(here), {"signal": here}),
    ):
        code = as_code(whisper, prompt, done, how)
        assert "`source_1`: a signal of 8 by 64 numbers" in code
        found, _ = run(code, tmp_path, whisper, **given, **taken)
        assert found == pytest.approx(measured(whisper, prompt, done, how), abs=1e-4)


def one_of_each(hooked):
    """One intervention per place in a block, tried apart."""
    return [
        mw.Ablate(mw.Head(1, 2, [-1, 3])),
        mw.Scale(mw.MLP(0), 2.0),
        mw.Ablate(mw.Attention(2), "mean", over=[OTHER]),
        mw.Ablate(mw.Neuron(1, 5)),
        mw.KnockOut(mw.Edge(1, 1, -1, -2)),
        mw.Patch(mw.Residual(2), OTHER),
        mw.Steer(mw.Residual(1, [-1], "mid"), [0.3] * hooked.d_model),
        mw.Patch(mw.Residual(1, [-1], "post"), OTHER),
        mw.SkipLayer(1),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("style", ["hooks", "transformer_lens"])
@pytest.mark.parametrize("name", ZOO)
def test_every_architecture_gives_the_number_or_is_refused(name, style, tmp_path):
    if style == "transformer_lens":
        pytest.importorskip("transformer_lens")
    hooked, written = mw.wrap(build(name)), 0
    for intervention in one_of_each(hooked):
        try:
            code = as_code(hooked, IDS, [intervention], HOW, style)
        except mw.MechwidgetError:  # no such part, or no words for it
            continue
        found, _ = run(code, tmp_path, hooked)
        expected = measured(hooked, IDS, [intervention], HOW)
        assert found == pytest.approx(expected, abs=1e-4), intervention
        written += 1
    assert written or style == "transformer_lens"
