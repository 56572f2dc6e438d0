"""What is computed once, or not at all, is what computing it again would give.

Rows that join a batch where they first differ, the last block at the positions that are looked at:
each is checked against runs that compute everything, and found out where a model forbids it.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

import mechwidget as mw
from tests.models.custom import Custom, close, same
from tests.models.homemade import Homemade, HomemadeBlock
from tests.models.zoo.build import build, example, hooked
from tests.models.zoo.species import ZOO

DECODERS = [name for name in ZOO if ZOO[name].layers]


def calls_of(module: nn.Module, monkeypatch) -> list[tuple[int, ...]]:
    """The shape of the first argument of each call of a kind of module, as they come."""
    kind, shapes = type(module), []
    real = kind.forward

    def forward(self, x, *args, **kwargs):
        shapes.append(tuple(x.shape))
        return real(self, x, *args, **kwargs)

    monkeypatch.setattr(kind, "forward", forward)
    return shapes


def everywhere(model: mw.HookedModel) -> list[list[mw.Ablate]]:
    """A variant for each component of every layer."""
    variants = []
    for layer in range(model.n_layers):
        variants += [[mw.Ablate(mw.Head(layer, head))] for head in range(model.n_heads(layer))]
        variants += [[mw.Ablate(mw.MLP(layer))]] if model.has_mlp(layer) else []
        variants += [[Custom(mw.Site("resid_post", layer), lambda x: x * 2)]]
    return [[], *variants, [Custom(mw.Site("logits"), lambda x: x + 1)]]


@pytest.mark.parametrize("name", DECODERS)
def test_variants_of_every_layer_share_one_batch(name: str) -> None:
    model, ids = hooked(name), example()
    variants = everywhere(model)
    for positions in (None, [-1]):
        rows = model.run_rows(ids, variants, ["resid_pre"], positions)
        plain = model.run_rows(ids, variants, ["resid_pre"], positions, replay=False)
        assert {run.plan.replayed for run in plain} == {0}
        for run, other in zip(rows, plain, strict=True):
            assert close(run.logits, other.logits)
            assert all(close(run.read[site], other.read[site]) for site in other.read)
            assert [f.site for f in run.fired] == [f.site for f in other.fired]


def test_what_comes_before_the_first_edit_is_computed_once_for_all_rows(monkeypatch) -> None:
    module, ids = build("llama"), example()
    model = mw.wrap(module)
    variants = [[mw.Ablate(mw.Head(layer, head))] for layer in (0, 1) for head in range(4)]
    model.run(ids)
    model.run_rows(ids, variants, positions=[-1])
    layer = module.model.layers[0]
    norms, mlps = calls_of(layer.input_layernorm, monkeypatch), calls_of(layer.mlp, monkeypatch)
    run = model.run_rows(ids, variants, positions=[-1])[0]
    assert run.plan.rows == 9
    n = ids.shape[1]
    assert [shape[0] for shape in mlps] == [5, 9, 9]
    assert [shape[1] for shape in mlps] == [n, n, 1], "the last block only where it is looked at"
    before_attention = [shape[0] for shape in norms[::2]]
    assert before_attention[:3] == [1, 9, 9], "row 0 alone, as far as the heads of the first layer"
    assert "the last one at 1 position" in str(run.plan)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gptj"])
def test_a_single_run_computes_the_end_of_the_last_block_where_no_bit_changes(name: str) -> None:
    model, ids = mw.wrap(build(name)), torch.arange(2, 50)[None] % 90
    edits = [mw.Ablate(mw.Head(1, 1))]
    full = model.run(ids, edits, positions=[-1], replay=False)
    model.run(ids, positions=[-1])
    runs = [model.run(ids, edits, positions=[-1]) for _ in range(6)]
    assert all(torch.equal(run.logits, full.logits) for run in runs)
    assert [run.plan.kept for run in runs[:3]] == [None] * 3
    assert runs[-1].plan.kept in (2, 16), "no count of positions gives the same bits here"
    inside = model.run(ids, [mw.Ablate(mw.MLP(2))], ["mlp_post"], positions=[-1])
    assert inside.plan.kept is None
    assert inside.read["mlp_post", 2].shape[1] == ids.shape[1]


class CountsRows(Homemade):
    """Makes something of the number of rows that it was given, as some tables are."""

    def forward(self, idx, targets=None):
        x = self.tokens(idx) + self.places(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x.view(len(idx), idx.shape[1], -1))
        return self.head(self.norm(x)), targets


class MixesAfterwards(Homemade):
    """Its logits look at every position of the last block."""

    def forward(self, idx, targets=None):
        x = self.tokens(idx) + self.places(torch.arange(idx.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x + 0.1 * x.cumsum(1))), targets


@pytest.mark.parametrize("kind", [CountsRows, MixesAfterwards])
def test_a_model_that_cannot_share_is_computed_without(kind: type[Homemade]) -> None:
    model, ids = mw.wrap(kind()), [5, 7, 2, 9, 11, 3]
    variants = everywhere(model)
    for _ in range(2):
        rows = model.run_rows(ids, variants, positions=[-1])
        assert any(run.plan.rows > 1 for run in rows)
        for run, variant in zip(rows, variants, strict=True):
            single = model.run(ids, variant, positions=[-1])
            full = model.run(ids, variant, positions=[-1], replay=False)
            assert close(run.logits, full.logits)
            assert same(single.logits, full.logits)
            assert (single.plan.kept is None) or kind is CountsRows


def test_logits_that_their_owner_writes_to_are_not_compared_with() -> None:
    model, ids = mw.wrap(build("gpt2")), example()
    edit = [mw.Ablate(mw.Head(2, 1))]
    model.run(ids).logits.zero_()
    run = model.run(ids, edit)
    assert torch.equal(run.logits, model.run(ids, edit, replay=False).logits)
    rows = model.run_rows(ids, [edit, edit])
    assert {run.plan.rows for run in rows} == {3}


def test_rows_are_batched_also_where_nothing_can_be_remembered() -> None:
    model, ids = mw.wrap(build("gpt2")), example()
    model.baselines.budget = mw.models.budget.Budget(remembered=0)
    rows = model.run_rows(ids, everywhere(model))
    assert max(run.plan.rows for run in rows) > 4
    assert {run.plan.replayed for run in rows} == {0}


class WritesInPlace(HomemadeBlock):
    """Begins by writing to the very tensor that the block before it returned."""

    def forward(self, x):
        return super().forward(x.mul_(1.5))


@pytest.mark.parametrize("writes", [False, True])
def test_what_is_remembered_without_a_copy_is_never_what_somebody_wrote_to(writes: bool) -> None:
    module, edit = Homemade(), [mw.Ablate(mw.Head(2, 1))]
    model = mw.wrap(module)
    for block in module.blocks if writes else ():
        block.__class__ = WritesInPlace
    for start in range(2, 7):
        ids = [start, 5, 9, 3]
        model.run(ids)
        run = model.run(ids, edit)
        assert torch.equal(run.logits, model.run(ids, edit, replay=False).logits)
        assert run.plan.replayed == 2
    assert model.baselines.copies is writes


def test_a_block_that_starts_to_write_in_place_is_noticed() -> None:
    module, edit = Homemade(), [mw.Ablate(mw.Head(2, 1))]
    model = mw.wrap(module)
    model.run([1, 2, 3])
    assert not model.baselines.copies
    for block in module.blocks:
        block.__class__ = WritesInPlace
    for ids in ([4, 2, 3], [5, 2, 3], [6, 2, 3]):
        model.run(ids)
        run = model.run(ids, edit)
        assert torch.equal(run.logits, model.run(ids, edit, replay=False).logits)
    assert run.plan.replayed == 2
    assert model.baselines.copies
