"""Dynamic int8: one scale for a whole batch, so that a row is only itself when it is alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import mechwidget as mw
from tests.models.homemade import Homemade, Quantised, replaced
from tests.models.state import state_of
from tests.models.zoo.build import build, example, own_logits

quantise = getattr(torch.ao.quantization, "quantize_dynamic", None)
pytestmark = [
    pytest.mark.skipif(quantise is None, reason="this torch has no dynamic int8"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
KINDS = ["llama", "gpt2", "gptj", "opt"]  # of GPT-2 only the unembedding is an nn.Linear


def int8(kind: str) -> nn.Module:
    return quantise(build(kind), {nn.Linear}, dtype=torch.qint8).eval()


@torch.no_grad()
def by_hand(model: nn.Module, name: str, head: int, ids: torch.Tensor) -> torch.Tensor:
    """One head's z silenced by a plain hook before its output projection."""

    def silence(_module: nn.Module, args: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        z = args[0].clone()
        z[..., head * z.shape[-1] // 4 : (head + 1) * z.shape[-1] // 4] = 0
        return (z,)

    handle = model.get_submodule(name).register_forward_pre_hook(silence)
    try:
        return model(input_ids=ids).logits
    finally:
        handle.remove()


@pytest.mark.parametrize("kind", KINDS)
def test_an_int8_model_is_the_decoder_that_it_was(kind: str) -> None:
    model, ids = int8(kind), example()
    before, wrapped = state_of(model), mw.wrap(model)
    assert torch.equal(wrapped.run(ids).logits, own_logits(model, ids))
    assert wrapped.stacks[0].attends == "backwards"
    assert (wrapped.n_heads(2), wrapped.n_neurons(2)) == (4, mw.wrap(build(kind)).n_neurons(2))
    assert "quantised with one scale for a whole batch: each variant runs alone" in wrapped.notes
    assert state_of(model) == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_looked_at_changes_no_number(kind: str) -> None:
    model, ids = int8(kind), example()
    whole = own_logits(model, ids)
    wrapped = mw.wrap(model)
    assert torch.equal(wrapped.run(ids, positions=[-1]).logits, whole[:, -1:])
    assert torch.equal(wrapped.run(ids, positions=[3, 0]).logits, whole[:, [3, 0]])
    for layer in (0, 2, 2, 2):  # a run that is asked for again may be planned in another way
        edit = [mw.Ablate(mw.Head(layer, 1, positions=[-1]))]
        edited = wrapped.run(ids, edit, replay=False).logits
        assert torch.equal(wrapped.run(ids, edit, positions=[-1]).logits, edited[:, -1:])


def test_ablating_a_head_is_hooking_by_hand_alone_and_among_others() -> None:
    model, ids = int8("llama"), example()
    wrapped = mw.wrap(model)
    wrapped.run(ids)
    variants = [[mw.Ablate(mw.Head(1, head))] for head in range(4)]
    variants.append([mw.Scale(mw.Residual(1), 100.0)])  # in one batch, the scale of all
    rows = wrapped.run_rows(ids, variants, positions=[-1])
    for head in range(4):
        expected = by_hand(model, "model.layers.1.self_attn.o_proj", head, ids)
        run = wrapped.run(ids, variants[head])
        assert run.plan.replayed == 1
        assert torch.equal(run.logits, expected)
        assert torch.equal(rows[head].logits, expected[:, -1:])
        assert rows[head].plan.rows == 1


def test_a_scale_per_weight_couples_nothing() -> None:
    model = Homemade()
    for layer in range(3):
        replaced(model, f"blocks.{layer}.attention.out", Quantised)
    wrapped, ids = mw.wrap(model), torch.tensor([[3, 14, 15]])
    assert wrapped.notes == ()
    wrapped.run(ids)
    rows = wrapped.run_rows(ids, [[mw.Ablate(mw.Head(1, head))] for head in range(4)])
    assert rows[0].plan.rows == 5
