"""The same model compiled, in half precision, or inside a module of somebody's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import mechwidget as mw
from mechwidget.errors import ComponentError
from tests.models.homemade import Homemade
from tests.models.state import state_of
from tests.models.zoo.build import build, edited_copy, example, own_logits, zero_head_weights

OUTPUT = {
    "gpt2": "transformer.h.1.attn.c_proj",
    "llama": "model.layers.1.self_attn.o_proj",
    "gptj": "transformer.h.1.attn.out_proj",
}
EDIT = [mw.Ablate(mw.Head(1, 2))]


def by_surgery(model: nn.Module, kind: str, ids: torch.Tensor) -> torch.Tensor:
    cut = edited_copy(model)
    zero_head_weights(cut.get_submodule(OUTPUT[kind]), 2, 4)
    return own_logits(cut, ids)


@pytest.mark.parametrize("kind", OUTPUT)
def test_the_laws_hold_in_bfloat16_within_its_rounding(kind: str) -> None:
    model, ids = build(kind).to(torch.bfloat16), example()
    before, wrapped = state_of(model), mw.wrap(model)
    plain = wrapped.run(ids)
    assert torch.equal(plain.logits, own_logits(model, ids))
    assert plain.logits.dtype == wrapped.dtype == torch.bfloat16
    room = 0.02 * plain.logits.abs().max()
    run = wrapped.run(ids, EDIT)
    assert (run.plan.replayed, run.fired[0].change > 0) == (1, True)
    assert torch.equal(run.logits, wrapped.run(ids, EDIT, replay=False).logits)
    assert (run.logits - by_surgery(model, kind, ids)).abs().max() <= room
    variants = [[mw.Ablate(mw.Head(1, head))] for head in range(4)]
    rows = wrapped.run_rows(ids, variants)
    for head, variant in enumerate(variants):
        alone = wrapped.run(ids, variant).logits
        assert (rows[head].logits - alone).abs().max() <= room
        baseline = rows.baseline(head).logits  # row 0: the same kernels, so its comparison is fair
        assert (baseline - plain.logits).abs().max() <= room
    everything = wrapped.run(ids, read=wrapped.sites)
    assert set(everything.read) == set(wrapped.sites)
    with_mid = everything.read["resid_pre", 1] + everything.read["attn_out", 1]
    if mw.Site("resid_mid", 1) in wrapped.sites:
        assert torch.equal(everything.read["resid_mid", 1], with_mid)
    other = ids.flip(1)
    patched = wrapped.run(ids, [mw.Patch(mw.Residual(0), other)])
    assert torch.equal(patched.logits, own_logits(model, other))
    assert state_of(model) == before


def whole(model: nn.Module) -> nn.Module:
    return torch.compile(model, backend="eager")


def block_by_block(model: nn.Module) -> nn.Module:
    for block in model.get_submodule("model.layers"):
        block.compile(backend="eager")
    return model


def blocks_replaced(model: nn.Module) -> nn.Module:
    layers = model.get_submodule("model.layers")
    for i, block in enumerate(list(layers)):
        layers[i] = torch.compile(block, backend="eager")
    return model


def inside(model: nn.Module) -> nn.Module:
    for block in model.get_submodule("model.layers"):
        block.self_attn.forward = torch.compile(block.self_attn.forward, backend="eager")
        block.mlp = torch.compile(block.mlp, backend="eager")
    return model


COMPILED = [whole, block_by_block, blocks_replaced, inside]


@pytest.mark.parametrize("compiled", COMPILED, ids=lambda f: f.__name__)
def test_a_compiled_model_is_edited_and_replayed_like_the_plain_one(
    compiled: Callable[[nn.Module], nn.Module],
) -> None:
    ids, plain = example(), mw.wrap(build("llama"))
    model = compiled(build("llama"))
    with torch.no_grad():
        own = model(input_ids=ids).logits  # compiled and warm before we come
    wrapped = mw.wrap(model)
    before = state_of(wrapped.model)
    assert torch.allclose(wrapped.run(ids).logits, own, atol=1e-5)
    run = wrapped.run(ids, EDIT, read=["pattern", "z"])
    expected = plain.run(ids, EDIT, read=["pattern", "z"])
    assert torch.equal(run.logits, expected.logits)
    assert all(torch.equal(run.read[site], expected.read[site]) for site in expected.read)
    assert wrapped.run(ids, EDIT).plan.replayed == 1
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, own)
    assert state_of(wrapped.model) == before


class Inherited(type(build("gpt2"))):
    """A subclass whose forward is compiled in the class it inherits from."""

    forward = torch.compile(type(build("gpt2")).forward, backend="eager")


class Heir(Inherited):
    pass


def test_a_forward_compiled_in_a_base_class_is_run_as_it_was_written() -> None:
    model, ids = build("gpt2"), example()
    expected = mw.wrap(model).run(ids, EDIT).logits
    model.__class__ = Heir
    run = mw.wrap(model).run(ids, EDIT)
    assert torch.equal(run.logits, expected)
    assert run.fired[0].change > 0


class Holder(nn.Module):
    """A module of somebody's own with a model in an attribute, which does a thing of its own."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.inner = model

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.inner(input_ids=ids).logits * 2


class Passing(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.inner = model

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.inner(*args, **kwargs)


WRAPPERS = {
    "DataParallel": (nn.DataParallel, 1),
    "a holder": (Holder, 2),
    "one that passes everything on": (Passing, 1),
    "Sequential": (nn.Sequential, 1),
    "compiled DataParallel": (lambda m: torch.compile(nn.DataParallel(m), backend="eager"), 1),
    "DataParallel of compiled": (lambda m: nn.DataParallel(torch.compile(m, backend="eager")), 1),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("kind", OUTPUT)
def test_a_model_inside_another_module_is_found(kind: str, wrapper: str) -> None:
    around, factor = WRAPPERS[wrapper]
    model, ids = build(kind), example()
    wrapped = mw.wrap(around(model))
    before = state_of(model)
    run = wrapped.run(ids)
    assert torch.equal(run.logits, own_logits(model, ids) * factor)
    assert (wrapped.n_layers, wrapped.n_heads(1), wrapped.n_neurons(1) > 0) == (3, 4, True)
    assert wrapped.max_positions == 64
    edited = wrapped.run(ids, EDIT)
    assert edited.plan.replayed == 1
    assert torch.allclose(edited.logits, by_surgery(model, kind, ids) * factor, atol=2e-5)
    rows = wrapped.run_rows(ids, [EDIT, [mw.Ablate(mw.MLP(2))]])
    assert torch.allclose(rows[0].logits, edited.logits, atol=5e-5)
    assert state_of(model) == before


def test_blocks_in_a_bare_sequential_are_blocks() -> None:
    parts = Homemade()
    model = nn.Sequential(parts.tokens, *parts.blocks, parts.norm, parts.head)
    ids = torch.tensor([[3, 14, 15, 9]])
    wrapped = mw.wrap(model)
    assert (wrapped.n_layers, wrapped.n_heads(0)) == (3, 4)
    run = wrapped.run(ids, [mw.Ablate(mw.Head(1, 2))])
    cut = edited_copy(model)
    zero_head_weights(cut[2].attention.out, 2, 4)
    with torch.no_grad():
        assert torch.equal(run.logits, cut(ids))


class OfTorchsLayers(nn.Module):
    """Encoder layers of torch's own under a causal mask: a decoder, and one function per layer."""

    def __init__(self, *, norm_first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.tokens, self.places = nn.Embedding(30, 24), nn.Parameter(torch.randn(32, 24) * 0.3)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(24, 4, 40, batch_first=True, norm_first=norm_first)
            for _ in range(2)
        )
        self.head = nn.Linear(24, 30)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x, length = self.tokens(ids) + self.places[: ids.shape[1]], ids.shape[1]
        ahead = torch.full((length, length), float("-inf")).triu(1)
        for layer in self.layers:
            x = layer(x, src_mask=ahead, is_causal=True)
        return self.head(x)


@pytest.mark.parametrize("norm_first", [True, False])
@torch.no_grad()
def test_torchs_own_layers_show_their_patterns_and_refuse_their_heads(norm_first: bool) -> None:
    model, ids = OfTorchsLayers(norm_first=norm_first).eval(), torch.tensor([[3, 14, 15, 9, 2]])
    before, wrapped = state_of(model), mw.wrap(model)
    assert torch.equal(wrapped.run(ids).logits, model(ids))
    assert wrapped.stacks[0].attends == "backwards"
    read = wrapped.run(ids, read=["pattern", "resid_pre"]).read
    for layer, block in enumerate(model.layers):
        x = read["resid_pre", layer]
        x = block.norm1(x) if norm_first else x
        ahead = torch.full((5, 5), float("-inf")).triu(1)
        _, pattern = block.self_attn(x, x, x, attn_mask=ahead, average_attn_weights=False)
        assert torch.allclose(read["pattern", layer], pattern, atol=1e-6)
    for query in range(1, 5):
        edge = mw.KnockOut(mw.Edge(1, 2, query=query, key=0))
        assert wrapped.run(ids, [edge]).fired[0].change > 0

    def silent(_module: nn.Module, _args: Any, result: Any) -> Any:
        return (torch.zeros_like(result[0]), *result[1:])

    handle = model.layers[1].self_attn.register_forward_hook(silent)
    expected = model(ids)
    handle.remove()
    run = wrapped.run(ids, [mw.Ablate(mw.Attention(1))])
    assert torch.allclose(run.logits, expected, atol=1e-6)
    with pytest.raises(
        ComponentError, match="the attention of layer 1 writes the sum of its heads"
    ):
        wrapped.run(ids, [mw.Ablate(mw.Head(1, 0))])
    assert state_of(model) == before
