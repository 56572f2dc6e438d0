"""Row k of a batch is single run k: on every architecture, within any budget, or not in a batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mechwidget as mw
from mechwidget.errors import CancelledError, ComponentError, InterventionError
from mechwidget.models.budget import Budget, row_bytes
from tests.models.custom import Custom, close, interventions, same
from tests.models.homemade import Homemade
from tests.models.zoo.build import build, example, hooked
from tests.models.zoo.species import ZOO


@pytest.mark.parametrize("name", ZOO)
def test_row_k_is_single_run_k(name: str) -> None:
    model, ids = hooked(name), example()

    @settings(max_examples=5, deadline=None)
    @given(
        variants=st.lists(interventions(model), min_size=2, max_size=6),
        read=st.lists(st.sampled_from(model.sites), max_size=2),
        positions=st.sampled_from([None, [-1], [4, 2]]),
    )
    def law(variants, read, positions) -> None:
        rows = model.run_rows(ids, variants, read, positions)
        assert len(rows) == len(variants)
        for index, variant in enumerate(variants):
            single = model.run(ids, variant, read, positions, replay=False)
            assert rows[index].attention == single.attention or not variant
            assert rows[index].positions == single.positions
            if rows[index].attention == single.attention:
                assert close(rows[index].logits, single.logits)
                assert all(close(rows[index].read[s], single.read[s]) for s in single.read)
            fired = sorted((f.intervention, f.site) for f in rows[index].fired)
            assert fired == sorted((f.intervention, f.site) for f in single.fired)

    law()


@pytest.mark.parametrize("name", [name for name in ZOO if ZOO[name].layers])
def test_heads_of_every_architecture_share_batches(name: str) -> None:
    model, ids = hooked(name), example()
    layer = ZOO[name].layers[-1]
    variants = [[mw.Ablate(mw.Head(layer, head))] for head in range(4)]
    rows = model.run_rows(ids, variants, positions=[-1])
    assert {run.plan.rows for run in rows} == {5}
    assert {run.plan.replayed for run in rows} == {layer}
    baseline = model.run(ids, positions=[-1])
    for index, run in enumerate(rows):
        assert run.logits.shape == (1, 1, model.vocab_size)
        assert close(rows.baseline(index).logits, baseline.logits)
        assert rows.baseline(index).fired == ()
        assert run.fired[0].change > 0


def test_a_variant_with_nothing_in_it_is_the_baseline() -> None:
    model, ids = hooked("gpt2"), example()
    rows = model.run_rows(ids, [[], [mw.Ablate(mw.MLP(1))], []])
    for index in (0, 2):
        assert torch.equal(rows[index].logits, rows.baseline(index).logits)


def test_batches_obey_the_budget() -> None:
    model, ids = mw.wrap(build("gpt2")), example()
    variants = [[mw.Ablate(mw.Head(layer, head))] for layer in range(3) for head in range(4)]
    model.run(ids)
    expected = [model.run(ids, variant).logits for variant in variants]
    whole = max(run.plan.rows for run in model.run_rows(ids, variants))
    assert whole > 4
    for working in (10**9, 200_000, 100_000, 0):
        model.baselines.budget = Budget(working=working)
        groups = model.row_groups(ids, variants)
        assert sorted(index for group in groups for index in group) == list(range(12))
        rows = model.run_rows(ids, variants)
        assert all(close(run.logits, one) for run, one in zip(rows, expected, strict=True))
    assert {run.plan.rows for run in rows} == {1}


def test_long_prompts_are_not_batched_by_threes() -> None:
    """One row in four or five would be the baseline's, and a long row is as fast alone."""
    ledger, roomy = hooked("gpt2").ledger, Budget(working=10**12)
    most = [roomy.most_rows(ledger, n, 1, 0, torch.device("cpu")) for n in (16, 128, 170, 171, 512)]
    assert most == [64, 8, 6, 1, 1]
    tight = Budget(working=3 * row_bytes(ledger, 16, 1, 0))
    assert tight.most_rows(ledger, 16, 1, 0, torch.device("cpu")) == 3


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("no more"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
    ids=["cuda", "python", "cpu"],
)
def test_a_batch_that_runs_out_of_memory_is_split(monkeypatch, error: BaseException) -> None:
    module, ids = build("llama"), example()
    model = mw.wrap(module)
    variants = [[mw.Ablate(mw.Head(2, head))] for head in range(4)]
    expected = [model.run(ids, variant).logits for variant in variants]
    kind = type(module.model.layers[2].mlp)
    real = kind.forward

    def small(self: nn.Module, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] > 3:
            raise error
        return real(self, x)

    monkeypatch.setattr(kind, "forward", small)
    rows = model.run_rows(ids, variants)
    assert {run.plan.rows for run in rows} == {3}
    assert all(close(run.logits, one) for run, one in zip(rows, expected, strict=True))


class MixesRows(Homemade):
    """Rows are not independent, as where a batch is quantised together."""

    def forward(self, idx, targets=None):
        logits, _ = super().forward(idx)
        return logits + logits.mean(0, keepdim=True) * 0.1, targets


class OneRowOnly(Homemade):
    def forward(self, idx, targets=None):
        return super().forward(idx.view(1, -1)[:, : len(idx[0])])[0][:1], targets


class LaterRowsDiffer(Homemade):
    """Right for row 0, which is not enough."""

    def forward(self, idx, targets=None):
        logits, _ = super().forward(idx)
        factors = torch.cat([torch.ones(1), torch.full((len(logits) - 1,), 2.0)])
        return logits * factors[:, None, None], targets


@pytest.mark.parametrize("kind", [MixesRows, OneRowOnly, LaterRowsDiffer])
def test_a_model_whose_rows_are_not_runs_is_found_out(kind: type[Homemade]) -> None:
    model, ids = mw.wrap(kind()), [5, 7, 2, 9]
    variants = [[mw.Ablate(mw.Head(2, head))] for head in range(4)]
    rows = model.run_rows(ids, variants)
    assert {run.plan.rows for run in rows} == {1}
    for run, variant in zip(rows, variants, strict=True):
        assert same(run.logits, model.run(ids, variant, replay=False).logits)


def test_hooks_of_the_users_own_see_one_row_at_a_time() -> None:
    model, ids, shapes = build("gpt2"), example(), set()
    model.transformer.h[1].register_forward_hook(lambda _m, _a, out: shapes.add(out.shape))
    mw.wrap(model).run_rows(ids, [[mw.Ablate(mw.Head(0, h))] for h in range(4)])
    assert {shape[0] for shape in shapes} == {1}


def test_cancelling_stops_rows_before_the_next_block() -> None:
    model, ids, asked = mw.wrap(build("gpt2")), example(), []
    variants = [[mw.Ablate(mw.Head(layer, head))] for layer in range(3) for head in range(4)]
    model.run(ids)
    with pytest.raises(CancelledError):
        model.run_rows(ids, variants, cancelled=lambda: asked.append(1) or len(asked) == 9)
    assert len(asked) == 9
    assert len(model.run_rows(ids, variants)) == 12


def test_what_is_wrong_with_one_variant_is_said_as_in_a_single_run() -> None:
    model, ids = hooked("gpt2"), example()
    with pytest.raises(ComponentError, match=r"head 9\.0 does not exist"):
        model.run_rows(ids, [[], [mw.Ablate(mw.Head(9, 0))]])
    wrong = [Custom(mw.Site("mlp_out", 1), lambda tensor: tensor[..., 1:])]
    with pytest.raises(InterventionError, match=r"mlp_out\.1 gave \(1, 11, 31\)"):
        model.run_rows(ids, [wrong, [mw.Ablate(mw.MLP(1))]])
    assert model.run_rows(ids, [[mw.Ablate(mw.MLP(1))]] * 3)[2].plan.rows == 4
    assert len(model.run_rows(ids, [])) == 0
