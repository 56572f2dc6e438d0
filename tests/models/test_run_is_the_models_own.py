"""A run without interventions is the model's own forward, bit for bit, on every architecture."""

from __future__ import annotations

import pytest
import torch

import mechwidget as mw
from tests.models.zoo.build import build, example, hooked, own_logits, shared
from tests.models.zoo.species import MANDATED, ZOO


@pytest.mark.parametrize("name", ZOO)
def test_run_without_interventions_is_bit_identical_to_the_forward(name: str) -> None:
    ids = example()
    run = hooked(name).run(ids)
    assert run.attention == "own"
    assert torch.equal(run.logits, own_logits(shared(name), ids))


@pytest.mark.parametrize("name", [n for n in ZOO if ZOO[n].interface and ZOO[n].layers])
def test_reading_patterns_is_bit_identical_to_eager_attention(name: str) -> None:
    ids, eager = example(), build(name, attn_implementation="eager")
    run = hooked(name).run(ids, read=["pattern"])
    assert run.attention == "explicit"
    assert torch.equal(run.logits, own_logits(eager, ids))


@pytest.mark.parametrize("name", ZOO)
def test_reading_everything_changes_no_more_than_the_attention_implementation(name: str) -> None:
    ids, model = example(), hooked(name)
    run = model.run(ids, read=model.sites)
    assert set(run.read) == set(model.sites)
    assert (run.logits - own_logits(shared(name), ids)).abs().max() <= 3e-5


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gptj"])
def test_patterns_are_what_transformers_reports(name: str) -> None:
    ids, eager = example(), build(name, attn_implementation="eager")
    with torch.no_grad():
        reference = eager(input_ids=ids, output_attentions=True).attentions
    read = hooked(name).run(ids, read=["pattern"]).read
    for layer, pattern in enumerate(reference):
        assert torch.equal(read["pattern", layer], pattern)


@pytest.mark.parametrize("name", [n for n in ZOO if ZOO[n].additive and ZOO[n].layers])
def test_the_stream_between_blocks_is_what_transformers_reports(name: str) -> None:
    ids = example()
    with torch.no_grad():
        reference = shared(name)(input_ids=ids, output_hidden_states=True).hidden_states
    read = hooked(name).run(ids, read=["resid_pre"]).read
    for layer, stream in read.layers("resid_pre").items():
        assert torch.equal(stream, reference[layer])


@pytest.mark.parametrize("name", MANDATED)
def test_only_the_positions_asked_for_are_unembedded(name: str) -> None:
    ids, model = example(), hooked(name)
    whole = model.run(ids)
    some = model.run(ids, positions=[-1, 0])
    assert some.positions == (10, 0)
    assert some.logits.shape == (1, 2, model.vocab_size)
    assert torch.allclose(some.logits, whole.logits[:, [10, 0]], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "falcon"])
def test_half_precision_models_run_as_they_are(name: str, dtype: torch.dtype) -> None:
    model, ids = build(name).to(dtype), example()
    wrapped = mw.wrap(model)
    assert torch.equal(wrapped.run(ids).logits, own_logits(model, ids))
    assert wrapped.n_heads(0) == 4
    assert all(block.additive for block in wrapped.ledger.blocks)
    assert wrapped.run(ids, [mw.Ablate(mw.Head(1, 1))]).fired[0].change > 0


def test_a_model_in_training_mode_runs_in_eval_mode_and_stays_in_training_mode() -> None:
    model, ids = build("gpt2"), example()
    reference = own_logits(model, ids)
    model.train()
    assert torch.equal(mw.wrap(model).run(ids).logits, reference)
    assert all(module.training for module in model.modules())


def test_no_autograd_graph_is_kept_and_gradients_stay_on_outside() -> None:
    model = hooked("gpt2")
    assert torch.is_grad_enabled()
    run = model.run(example(), read=model.sites)
    assert torch.is_grad_enabled()
    assert not run.logits.requires_grad
    assert not any(tensor.requires_grad for tensor in run.read.values())


def test_a_run_sees_weights_that_were_changed_after_wrapping() -> None:
    model, ids = build("gpt2"), example()
    wrapped = mw.wrap(model)
    with torch.no_grad():
        model.transformer.h[0].mlp.c_proj.weight.mul_(2)
    assert torch.equal(wrapped.run(ids).logits, own_logits(model, ids))
    model.transformer.h[1].mlp.c_proj.weight = torch.nn.Parameter(torch.zeros(48, 32))
    assert torch.equal(wrapped.run(ids).logits, own_logits(model, ids))


def test_a_run_honours_hooks_of_the_users_own() -> None:
    model, ids = build("gpt2"), example()
    wrapped, seen = mw.wrap(model), []
    model.transformer.h[1].register_forward_hook(lambda _m, _a, out: seen.append(1) or out * 2)
    assert torch.equal(wrapped.run(ids).logits, own_logits(model, ids))
    assert len(seen) == 2
