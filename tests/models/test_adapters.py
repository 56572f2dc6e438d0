"""PEFT's LoRA: what it adds to a projection belongs to it, and what it changes later is seen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import mechwidget as mw
from tests.models.state import state_of
from tests.models.zoo.build import build, example, own_logits, zero_head_weights
from tests.zoo.build import build as build_any

peft = pytest.importorskip("peft")

TARGETS = {
    "gpt2": ["c_attn", "c_proj"],
    "llama": ["q_proj", "v_proj", "o_proj", "down_proj"],
}
OUTPUT = {
    "gpt2": "transformer.h.{}.attn.c_proj",
    "llama": "model.layers.{}.self_attn.o_proj",
}
KINDS = list(TARGETS)


def adapted(kind: str) -> Any:
    """A tiny model with two adapters, "default" and "other", neither of them zero."""
    torch.manual_seed(1)
    config = peft.LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules=TARGETS[kind],
        init_lora_weights=False,
        fan_in_fan_out=kind == "gpt2",
        task_type="CAUSAL_LM" if kind == "llama" else None,  # which makes another wrapper of it
    )
    model = peft.get_peft_model(build(kind), config)
    model.add_adapter("other", config)
    return model.eval()


def merged(model: Any) -> nn.Module:
    """What the model computes now, as plain weights."""
    copied = copy.deepcopy(model)
    layers = [m for m in copied.modules() if isinstance(m, peft.tuners.lora.LoraLayer)]
    off = all(layer.disable_adapters for layer in layers)
    return copied.unload() if off else copied.merge_and_unload()


def by_surgery(model: Any, kind: str, layer: int, head: int, ids: torch.Tensor) -> torch.Tensor:
    plain = merged(model)
    zero_head_weights(plain.get_submodule(OUTPUT[kind].format(layer)), head, 4)
    return own_logits(plain, ids)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapted_model_runs_as_it_is_and_stays_so(kind: str) -> None:
    model, ids = adapted(kind), example()
    before = state_of(model)
    wrapped = mw.wrap(model)
    run = wrapped.run(ids, read=wrapped.sites)
    assert torch.equal(wrapped.run(ids).logits, own_logits(model, ids))
    assert torch.allclose(run.logits, own_logits(merged(model), ids), atol=5e-5)
    assert state_of(model) == before
    assert (wrapped.n_heads(1), wrapped.n_neurons(1)) == (4, 48)
    assert all(block.additive for block in wrapped.ledger.blocks)


@pytest.mark.parametrize("kind", KINDS)
def test_ablating_a_head_is_surgery_on_the_merged_weights(kind: str) -> None:
    model, ids = adapted(kind), example()
    wrapped = mw.wrap(model)
    wrapped.run(ids)
    for head in range(4):
        run = wrapped.run(ids, [mw.Ablate(mw.Head(1, head))])
        assert run.plan.replayed == 1
        assert torch.allclose(run.logits, by_surgery(model, kind, 1, head, ids), atol=5e-5)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_the_heads_and_a_bias_are_what_attention_writes(kind: str) -> None:
    """Each head's z through the projection as it is called, the adapter with it."""
    model, ids = adapted(kind), example()
    wrapped = mw.wrap(model)
    read = wrapped.run(ids, read=[("z", 1), ("attn_out", 1)]).read
    place = wrapped.ledger.blocks[1].write("attention").projection
    through, z = model.get_submodule(place.module), read["z", 1]
    bias = through(torch.zeros(1, 1, z.shape[2] * z.shape[3]))
    total = bias.clone()
    for head in range(4):
        alone = torch.zeros_like(z)
        alone[:, :, head] = z[:, :, head]
        total = total + through(alone.flatten(2)) - bias
    assert torch.allclose(total, read["attn_out", 1], atol=1e-5)


def switched(model: Any) -> None:
    model.set_adapter("other")


def merged_in_place(model: Any) -> None:
    model.merge_adapter()


def merged_and_taken_out(model: Any) -> None:
    model.merge_adapter()
    model.unmerge_adapter()
    switched(model)


def switched_off(model: Any) -> None:
    model.base_model.disable_adapter_layers()


def scaled_in_place(model: Any) -> None:
    for module in model.modules():
        if isinstance(module, peft.tuners.lora.LoraLayer):
            module.set_scale("default", 3.0)


@torch.no_grad()
def trained(model: Any) -> None:
    for name, parameter in model.named_parameters():
        if "lora_B.default" in name:
            parameter.data += 0.05


def deleted(model: Any) -> None:
    model.set_adapter("other")
    model.delete_adapter("default")


CHANGES = [
    switched,
    merged_in_place,
    merged_and_taken_out,
    switched_off,
    scaled_in_place,
    trained,
    deleted,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_done_to_adapters_between_runs_is_seen(
    kind: str, change: Callable[[Any], None]
) -> None:
    model, ids = adapted(kind), example()
    wrapped = mw.wrap(model)
    edits = [mw.Ablate(mw.Head(1, 2))]
    first, first_edited = wrapped.run(ids).logits, wrapped.run(ids, edits).logits
    change(model)
    edited = wrapped.run(ids, edits)
    assert edited.plan.replayed == 0  # what was remembered belongs to the weights from before
    now = wrapped.run(ids).logits
    assert torch.equal(now, own_logits(model, ids))
    assert torch.equal(edited.logits, wrapped.run(ids, edits, replay=False).logits)
    assert torch.allclose(edited.logits, by_surgery(model, kind, 1, 2, ids), atol=1e-4)
    if change is not merged_in_place:  # which changes the weights and not what they compute
        assert (now - first).abs().max() > 0.01
        assert (edited.logits - first_edited).abs().max() > 0.01


def test_an_adapter_switched_off_for_a_while_is_off_in_the_runs_in_between() -> None:
    model, ids = adapted("llama"), example()
    wrapped = mw.wrap(model)
    on = wrapped.run(ids).logits
    with model.disable_adapter():
        assert torch.allclose(wrapped.run(ids).logits, own_logits(build("llama"), ids), atol=1e-5)
    assert torch.equal(wrapped.run(ids).logits, on)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_makes_no_cache_that_nobody_asked_for(kind: str) -> None:
    model, asked = adapted(kind), []
    hooked = mw.wrap(model)
    model.get_base_model().register_forward_pre_hook(
        lambda _module, _args, kwargs: asked.append(kwargs.get("use_cache")), with_kwargs=True
    )
    hooked.run(example(), [mw.Ablate(mw.Head(1, 2))])
    assert set(asked) == {False}


def test_adapters_of_a_model_with_two_stacks_need_no_task() -> None:
    config = peft.LoraConfig(target_modules=["q", "o"], init_lora_weights=False)
    model = peft.get_peft_model(build_any("t5", "encoder-decoder"), config).eval()
    hooked = mw.wrap(model)
    assert [stack.name for stack in hooked.stacks] == ["encoder", "decoder"]
    given = {"input_ids": [[5, 6, 7]], "decoder_input_ids": [[3, 4]]}
    with torch.no_grad():
        own = model(**{name: torch.tensor(ids) for name, ids in given.items()}).logits
    assert torch.equal(hooked.run(mw.Inputs([5, 6, 7], [3, 4])).logits, own)
