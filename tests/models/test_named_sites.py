"""Toy transformers of einsum and hook points: what a person names is a site like any other."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import mechwidget as mw
from mechwidget.errors import ComponentError, SiteError, UnsupportedModelError
from tests.models.state import state_of
from tests.models.toys import EinsumTransformer, HookPoint
from tests.models.zoo.build import build, example, own_logits

IDS = torch.tensor([[3, 14, 15, 9, 2, 6]])
OTHER = torch.tensor([[7, 1, 15, 20, 2, 11]])
NAMES = {
    "q": "layers.{layer}.attn.hook_q",
    "k": "layers.{layer}.attn.hook_k",
    "v": "layers.{layer}.attn.hook_v",
    "scores": "layers.{layer}.attn.hook_attn_scores",
    "pattern": "layers.{layer}.attn.hook_pattern",
    "z": "layers.{layer}.attn.hook_z",
}
NEURONS = {"mlp_post": "layers.{layer}.mlp.hook_post"}
TOYS = {
    "one block of attention": {"depth": 1, "neurons": 0},
    "two blocks of attention": {"neurons": 0},
    "one block": {"depth": 1},
    "three blocks": {"depth": 3},
}


def toy(kind: str = "three blocks") -> EinsumTransformer:
    return EinsumTransformer(**TOYS[kind], stem="layers").eval()


def named(model: EinsumTransformer) -> mw.HookedModel:
    has_mlp = "mlp" in dict(model.layers[0].named_children())
    return mw.wrap(model, sites={**NAMES, **(NEURONS if has_mlp else {})})


@torch.no_grad()
def by_hand(
    model: nn.Module, ids: torch.Tensor, hooks: dict[str, Callable[[torch.Tensor], Any]]
) -> torch.Tensor:
    """The model's own forward with plain forward hooks on modules."""

    def hook(change: Callable[[torch.Tensor], Any]) -> Callable[..., Any]:
        return lambda _module, _args, result: change(result)

    handles = [
        model.get_submodule(name).register_forward_hook(hook(change))
        for name, change in hooks.items()
    ]
    try:
        return model(ids)
    finally:
        for handle in handles:
            handle.remove()


def recorded(model: nn.Module, ids: torch.Tensor, name: str) -> torch.Tensor:
    kept: list[torch.Tensor] = []
    by_hand(model, ids, {name: lambda result: kept.append(result.clone())})
    return kept[0]


def put(index: Any, value: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(result: torch.Tensor) -> torch.Tensor:
        result = result.clone()
        result[index] = value
        return result

    return change


@pytest.mark.parametrize("kind", TOYS)
def test_named_sites_hold_what_their_modules_return(kind: str) -> None:
    model = toy(kind)
    before, wrapped = state_of(model), named(model)
    run = wrapped.run(IDS, read=wrapped.sites)
    assert torch.equal(run.logits, by_hand(model, IDS, {}))
    assert set(run.read) == set(wrapped.sites)
    for layer in range(wrapped.n_layers):
        for site, path in NAMES.items():
            expected = recorded(model, IDS, path.format(layer=layer))
            assert torch.equal(run.read[site, layer], expected)
        assert run.read["z", layer].shape == (1, 6, 4, 5)
        assert run.read["pattern", layer].shape == (1, 4, 6, 6)
        assert torch.equal(
            run.read["attn_out", layer], recorded(model, IDS, f"layers.{layer}.attn")
        )  # traced, not named
    assert state_of(model) == before
    assert (wrapped.n_heads(0), mw.Head(0, 1).width(wrapped)) == (4, 5)


@pytest.mark.parametrize("kind", TOYS)
def test_ablating_heads_is_hooking_by_hand_and_surgery(kind: str) -> None:
    model = toy(kind)
    wrapped = named(model)
    last = wrapped.n_layers - 1
    wrapped.run(IDS)
    edits = [[mw.Ablate(mw.Head(last, head))] for head in range(4)]
    rows = wrapped.run_rows(IDS, edits)
    for head, edit in enumerate(edits):
        run = wrapped.run(IDS, edit)
        assert run.plan.replayed == last
        hooks = {f"layers.{last}.attn.hook_z": put((slice(None), slice(None), head), 0)}
        assert torch.equal(run.logits, by_hand(model, IDS, hooks))
        assert torch.allclose(rows[head].logits, run.logits, atol=2e-5)
        cut = copy.deepcopy(model)
        cut.layers[last].attn.W_O.data[head] = 0
        assert torch.allclose(run.logits, by_hand(cut, IDS, {}), atol=1e-5)


def test_patterns_are_edited_where_they_are_named() -> None:
    model = toy()
    wrapped, name = named(model), "layers.1.attn.hook_pattern"
    own = recorded(model, IDS, name)
    previous = torch.eye(6)[[0, 0, 1, 2, 3, 4]]
    run = wrapped.run(IDS, [mw.ReplacePattern(mw.Head(1, 2), "previous")])
    assert torch.equal(run.logits, by_hand(model, IDS, {name: put((slice(None), 2), previous)}))
    row = own[0, 2, 5].clone()
    row[1] = 0
    run = wrapped.run(IDS, [mw.KnockOut(mw.Edge(1, 2, query=5, key=1))])
    expected = by_hand(model, IDS, {name: put((0, 2, 5), row / row.sum())})
    assert torch.allclose(run.logits, expected, atol=1e-5)
    run = wrapped.run(IDS, [mw.Ablate(mw.Head(0, 0)), mw.Freeze("pattern")])
    patterns = [f"layers.{layer}.attn.hook_pattern" for layer in range(3)]
    frozen = {each: put(..., recorded(model, IDS, each)) for each in patterns}
    frozen["layers.0.attn.hook_z"] = put((slice(None), slice(None), 0), 0)
    assert torch.allclose(run.logits, by_hand(model, IDS, frozen), atol=1e-5)


def test_patching_is_hooking_by_hand() -> None:
    model = toy()
    wrapped, name = named(model), "layers.1.attn.hook_z"
    theirs = recorded(model, OTHER, name)[:, :, 3]
    run = wrapped.run(IDS, [mw.Patch(mw.Head(1, 3), OTHER)])
    expected = by_hand(model, IDS, {name: put((slice(None), slice(None), 3), theirs)})
    assert torch.equal(run.logits, expected)
    stream = [mw.Patch(mw.Residual(0), OTHER)]
    assert torch.allclose(wrapped.run(IDS, stream).logits, by_hand(model, OTHER, {}), atol=1e-5)


def test_neurons_are_there_when_they_are_named() -> None:
    model = toy()
    with pytest.raises(ComponentError, match="layer 1 has no neurons of its own"):
        mw.wrap(model).run(IDS, [mw.Ablate(mw.Neuron(1, 7))])
    wrapped = named(model)
    assert wrapped.n_neurons(1) == 40
    assert wrapped.notes == ()
    hooks = {"layers.1.mlp.hook_post": put((slice(None), slice(None), 7), 0)}
    run = wrapped.run(IDS, [mw.Ablate(mw.Neuron(1, 7))])
    assert torch.equal(run.logits, by_hand(model, IDS, hooks))


def test_what_is_traced_needs_no_name() -> None:
    model = toy("two blocks of attention")
    wrapped = mw.wrap(model)
    run = wrapped.run(IDS, [mw.Ablate(mw.Attention(1))], read=["pattern"])
    hooks = {"layers.1.attn": torch.zeros_like}
    assert torch.equal(run.logits, by_hand(model, IDS, hooks))
    assert torch.equal(run.read["pattern", 0], recorded(model, IDS, "layers.0.attn.hook_pattern"))


def test_heads_that_cannot_be_told_apart_are_refused_with_the_reason() -> None:
    model = EinsumTransformer(neurons=0, points=False, stem="layers")
    wrapped = mw.wrap(model)
    assert wrapped.n_heads(0) == 0
    with pytest.raises(ComponentError, match="layer 0 writes the sum of its heads") as caught:
        wrapped.run(IDS, [mw.Ablate(mw.Head(0, 1))])
    assert 'sites={"z":' in caught.value.hint
    with pytest.raises(SiteError, match=r"names the module 'layers\.0\.attn\.hook_z', which this"):
        mw.wrap(model, sites={"z": "layers.{layer}.attn.hook_z"})
    run = wrapped.run(IDS, [mw.Ablate(mw.Attention(0))], read=["pattern"])
    assert run.read["pattern", 0].shape == (1, 4, 6, 6)
    assert run.fired[0].change > 0


class Odd(EinsumTransformer):
    """Hook points in the wrong place, of the wrong shape, or that nothing uses."""

    def __init__(self) -> None:
        super().__init__(stem="layers")
        for block in self.layers:
            block.attn.aside, block.attn.twice, block.attn.never = (HookPoint() for _ in range(3))
            block.attn.shown = block.attn.hooked
            block.attn.hooked = self.hooked.__get__(block.attn)

    @staticmethod
    def hooked(attn: Any, name: str, x: torch.Tensor) -> torch.Tensor:
        x = attn.shown(name, x)
        if name == "z":
            attn.aside(x)
            attn.twice(attn.twice(attn.twice(x)))
        return x


BAD = [
    ({"zed": "layers.{layer}.attn.hook_z"}, "sites names 'zed': no such site. Nearest:"),
    ({"logits": "unembed"}, "the logits are what the forward returns"),
    ({"z": 3}, r"sites\['z'\] is 3; expected the name of a module, with {layer}"),
    ({"z": "layers.{head}.attn.hook_z"}, "expected the name of a module, with {layer}"),
    (
        {"z": "layers.{layer}.attention.hook_z"},
        r"does not have. It has layers.0.attn.hook_z.*layers.0.ln1",
    ),
    (
        {"z": "layers.{layer}.attn.hook_zz"},
        r"'layers.0.attn.hook_zz', which this model does not have. It has layers.0.attn.hook_z",
    ),
    ({"z": "layers.0.attn.hook_z"}, "belongs to 'layers.0'. Write {layer}"),
    (
        {"z": "layers.{layer}.attn.hook_pattern"},
        r"z.0: it returned a tensor of shape \[1, 4, 7, 7\].*head, d_head\], here \[1, 7, 4, …\]",
    ),
    (
        {"pattern": "layers.{layer}.attn.hook_z"},
        r"expected \[batch, head, query, key\], here \[1, 4, 7, 7\]",
    ),
    ({"mlp_out": "layers.{layer}.mlp.hook_post"}, r"position, d_model\], here \[1, 7, 24\]"),
    ({"z": "layers.{layer}.attn.never"}, "it was never called in one forward"),
    ({"z": "layers.{layer}.attn.twice"}, "it was called 3 times in one forward"),
    ({"z": "layers.{layer}.attn.aside"}, "was changed, and the logits stayed the same"),
    (["z"], "sites is list; expected a mapping"),
]


@pytest.mark.parametrize(("sites", "message"), BAD, ids=lambda value: str(value)[:40])
def test_a_name_that_cannot_be_right_is_refused_saying_what_there_is(
    sites: Any, message: str
) -> None:
    with pytest.raises(SiteError, match=message):
        mw.wrap(Odd(), sites=sites)


def test_a_model_of_huggings_faces_kind_may_have_names_too() -> None:
    """A named module takes the place of what was traced, and nothing else changes."""
    model, ids = build("gpt2"), example()
    wrapped = mw.wrap(model, sites={"attn_out": "transformer.h.{layer}.attn.resid_dropout"})
    run = wrapped.run(ids, read=["attn_out"])
    assert torch.equal(run.logits, own_logits(model, ids))
    traced = mw.wrap(model).run(ids, read=["attn_out"]).read
    assert torch.equal(run.read["attn_out", 1], traced["attn_out", 1])


@pytest.mark.parametrize("kind", TOYS)
def test_hook_points_with_transformer_lenss_names_need_no_naming(kind: str) -> None:
    model, oddly = EinsumTransformer(**TOYS[kind]).eval(), toy(kind)
    wrapped, expected = mw.wrap(model), named(oddly)
    assert wrapped.sites == expected.sites
    theirs = expected.run(IDS, read=expected.sites).read
    ours = wrapped.run(IDS, read=wrapped.sites).read
    assert all(torch.equal(ours[site], theirs[site]) for site in wrapped.sites)
    head = [mw.Ablate(mw.Head(0, 3))]
    assert torch.equal(wrapped.run(IDS, head).logits, expected.run(IDS, head).logits)


class WithoutBlocks(EinsumTransformer):
    """Adds each attention to the stream in its own forward: no module returns the sum."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embed(tokens)
        for block in self.blocks:
            x = x + block.attn(block.ln1(x))
        return self.unembed(self.ln_final(x))


def test_a_toy_without_blocks_is_refused_saying_what_to_do() -> None:
    with pytest.raises(UnsupportedModelError, match="no single residual stream") as caught:
        mw.wrap(WithoutBlocks(neurons=0))
    assert "become a module that returns the sum" in caught.value.hint


class Misleading(EinsumTransformer):
    """Has the names, and nothing of what they stand for: an unused z, a pattern for queries."""

    def __init__(self) -> None:
        super().__init__()
        for block in self.blocks:
            block.attn.hooked = self.hooked.__get__(block.attn)

    @staticmethod
    def hooked(attn: Any, name: str, x: torch.Tensor) -> torch.Tensor:
        if name == "z":
            attn.hook_z(x)
        return attn.hook_q(x) if name == "pattern" else x


def test_a_hook_point_that_is_not_what_its_name_says_is_passed_over() -> None:
    wrapped = mw.wrap(Misleading())
    assert not [site for site in wrapped.sites if site.name in ("z", "q")]


def test_only_the_positions_asked_for_are_unembedded_by_an_einsum_too() -> None:
    model = toy()
    wrapped = mw.wrap(model)
    assert wrapped.ledger.unembed is not None
    assert wrapped.ledger.unembed.module == "unembed"
    assert wrapped.ledger.final_norm is not None
    whole = wrapped.run(IDS).logits
    some = wrapped.run(IDS, positions=[-1, 0])
    assert some.plan.unembedded == 2
    assert torch.allclose(some.logits, whole[:, [5, 0]], atol=1e-5)


class Shifting(EinsumTransformer):
    """Its forward works on after the unembedding, so that no position may be left out before."""

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return super().forward(tokens).cumsum(1)


def test_positions_come_in_the_order_in_which_they_were_asked_for() -> None:
    wrapped = mw.wrap(Shifting())
    assert wrapped.ledger.unembed is None
    whole = wrapped.run(IDS).logits
    assert torch.equal(wrapped.run(IDS, positions=[5, 4, 3, 2, 1, 0]).logits, whole.flip(1))
    assert torch.equal(wrapped.run(IDS, positions=[-1]).logits, whole[:, -1:])
