"""Which models generate: those with two stacks too; what predicts no next token is refused."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from mechwidget.errors import InterventionError, UnsupportedModelError
from mechwidget.models import Inputs
from tests.models.homemade import Homemade
from tests.models.zoo.build import example
from tests.zoo.build import build

READ = [5, 9, 3, 12, 7]


@pytest.mark.parametrize("kind", ["t5", "bart", "marian"])
def test_a_decoder_beside_an_encoder_is_transformers_own(kind: str) -> None:
    module = build(kind, "encoder-decoder")
    config = module.generation_config
    config.decoder_start_token_id = 1
    config.pad_token_id = module.config.pad_token_id = 0
    model = mw.wrap(module)
    config.num_beams, config.early_stopping, config.forced_eos_token_id = 1, False, None
    config.forced_bos_token_id, config.no_repeat_ngram_size, config.bad_words_ids = None, 0, None
    theirs = module.generate(
        torch.tensor([READ]), do_sample=False, max_new_tokens=5, num_beams=1, eos_token_id=None
    )
    going = model.generate(READ, max_new_tokens=5, stop_tokens=())
    assert [step.id for step in going] == theirs[0, -5:].tolist()
    assert going.recomputes == "the model has two stacks"


def test_edits_of_either_stack_and_between_them_are_those_of_a_run() -> None:
    model = mw.wrap(build("t5", "encoder-decoder"))
    inner = model.stacks[0].first
    outer = next(stack for stack in model.stacks if stack.main).first
    vector = torch.randn(model.d_model, generator=torch.Generator().manual_seed(1)).tolist()
    edits = [
        mw.Ablate(mw.Head(inner, 1)),
        mw.Steer(mw.Residual(inner + 1, [1, -1]), vector, 2.0),
        mw.Ablate(mw.Head(outer, 0, cross=True)),
        mw.Scale(mw.MLP(outer + 1), 0.5),
    ]
    ids = list(model.tokenize(READ).ids)
    for options in ({}, {"beside_baseline": True}):
        text = list(ids)
        for step in model.generate(READ, edits, 4, stop_tokens=(), **options):
            inputs = Inputs(encoder=READ, decoder=text)
            logits = model.run(inputs, edits, positions=[-1]).logits[0, 0]
            torch.testing.assert_close(step.logits, logits, rtol=1e-4, atol=1e-5)
            assert {each.intervention for each in step.fired} == {0, 1, 2, 3}
            text.append(step.id)
    with pytest.raises(InterventionError, match="nothing for generated tokens"):
        model.generate(READ, edits[:1], on="generated")


def test_a_cache_that_is_asked_for_by_way_of_other_arguments_is_used() -> None:
    model = mw.wrap(build("granitemoe"))
    edits = [mw.Scale(mw.MLP(1), 0.5)]
    going = model.generate(example(), edits, 5, stop_tokens=())
    found = [step.id for step in going]
    assert going.recomputes == ""
    again = model.generate(example(), edits, 5, stop_tokens=(), cache=False)
    assert found == [step.id for step in again]


@pytest.mark.parametrize(("kind", "family"), [("bert", "encoder"), ("vit", "vision")])
def test_what_predicts_no_next_token_is_refused(kind: str, family: str) -> None:
    model = mw.wrap(build(kind, family))
    with pytest.raises(UnsupportedModelError, match="does not predict the next token"):
        model.generate(model.source.example())


def test_a_source_of_ones_own_says_how_the_model_is_called() -> None:
    module = build("llama")

    class Counted:
        def __init__(self, inner) -> None:
            self.inner, self.calls, self.max_positions = inner, 0, inner.max_positions

        def example(self):
            return self.inner.example()

        def tokens(self, prompt):
            return self.inner.tokens(prompt)

        def call(self, twin, tokens, rows):
            self.calls += 1
            return self.inner.call(twin, tokens, rows)

    plain = mw.wrap(module)
    expected = [step.id for step in plain.generate(example(), max_new_tokens=4, stop_tokens=())]
    source = Counted(plain.source)
    model = mw.wrap(module, source=source)
    before = source.calls
    going = model.generate(example(), max_new_tokens=4, stop_tokens=())
    assert [step.id for step in going] == expected
    assert source.calls - before == 4
    assert going.recomputes == "the model's forward makes no cache"


def test_positions_that_share_a_scale_are_computed_together() -> None:
    module = torch.ao.quantization.quantize_dynamic(Homemade().eval(), {torch.nn.Linear})
    model, ids = mw.wrap(module), [3, 1, 4]
    edits = [mw.Steer(mw.Residual(1), [0.5] * 32, 2.0)]
    for step in model.generate(ids, edits, 4):
        torch.testing.assert_close(step.logits, model.run(ids, edits).logits[0, -1])
        ids.append(step.id)
