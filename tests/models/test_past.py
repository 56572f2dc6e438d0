"""Runs of the last positions alone, the earlier ones from the model's own cache: the same bits."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.models import Edit
from mechwidget.models.budget import Budget
from tests.dictionaries.made import registered
from tests.models.custom import same
from tests.models.zoo.build import build, hooked
from tests.models.zoo.species import ZOO

IDS = torch.arange(2, 50)[None] % 90
N = IDS.shape[1]


def late_edits(model: mw.HookedModel, first: int) -> st.SearchStrategy:
    """Interventions that name positions from `first` on."""
    positions = st.lists(st.integers(first, N - 1), min_size=1, max_size=2).map(tuple)
    layers = range(model.n_layers)
    parts = [lambda p, i=i: mw.MLP(i, p) for i in layers if model.has_mlp(i)]
    parts += [lambda p, i=i: mw.Head(i, 1, p) for i in layers if model.n_heads(i)]
    parts += [lambda p, i=i: mw.Residual(i, p) for i in layers]
    names = [registered(model.d_model, ("resid_pre", 1), None)]
    if mw.Site("mlp_in", 1) in model.sites:
        names.append(registered(model.d_model, ("mlp_in", 1), ("mlp_out", 1)))
    parts += [lambda p, name=name, i=i: mw.Feature(name, i, p) for name in names for i in (3, 4)]
    part = st.builds(lambda make, p: make(p), st.sampled_from(parts), positions)
    layer = st.builds(
        lambda i, p: mw.Scale(mw.Layer(i, p), 0.5), st.sampled_from(layers), positions
    )
    edit = st.one_of(part.map(mw.Ablate), part.map(lambda one: mw.Scale(one, 0.5)), layer)
    return st.lists(edit, min_size=1, max_size=3)


@pytest.mark.parametrize("name", ZOO)
def test_the_last_positions_alone_give_the_same_bits(name: str) -> None:
    model = hooked(name)
    model.run(IDS)

    @settings(max_examples=10, deadline=None)
    @given(
        edits=late_edits(model, N - 4),
        keep=st.sampled_from([[-1], [-1, -3]]),
        read=st.sampled_from([(), ("resid_post",)]),
    )
    def law(edits, keep, read) -> None:
        for _ in range(5):
            run = model.run(IDS, edits, read, keep, read_positions=[-2, -1])
        full = model.run(IDS, edits, read, keep, read_positions=[-2, -1], replay=False)
        assert same(run.logits, full.logits)
        assert str(run.fired) == str(full.fired)
        assert all(same(run.read[site], full.read[site]) for site in full.read)

    law()


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_the_plan_says_which_positions_came_from_the_cache(name: str) -> None:
    model, edit = mw.wrap(build(name)), [mw.Ablate(mw.Head(1, 1, (-1,)))]
    model.run(IDS)
    plans = [model.run(IDS, edit, positions=[-1]).plan for _ in range(5)]
    assert [plan.cached for plan in plans[:3]] == [0, 0, 0]
    assert plans[-1].cached == N - 16
    assert f"positions 0–{plans[-1].cached - 1} from the cache" in str(plans[-1])  # noqa: RUF001
    assert plans[-1].replayed == 1
    for other in (
        model.run(IDS, edit),
        model.run(IDS, edit, positions=[3, -1]),
        model.run(IDS, edit, ["z"], positions=[-1]),
        model.run(IDS, [*edit, mw.Ablate(mw.MLP(0))], positions=[-1]),
        model.run(IDS, edit, positions=[-1], replay=False),
    ):
        assert other.plan.cached == 0


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_what_two_edits_share_is_shared_in_a_window_too(name: str) -> None:
    """A window tries its edits twice; what one left for another is there both times."""
    model = mw.wrap(build(name))
    own = registered(model.d_model, ("resid_pre", 1), None)
    across = registered(model.d_model, ("mlp_in", 1), ("mlp_out", 1))
    lists = [
        [mw.SkipLayer(mw.Layer(1, (-2,)))],
        *(
            [
                mw.Scale(mw.Feature(of, 3, (-1,)), 2.0),
                mw.Scale(mw.Feature(of, 3, (-1,)), 3.0),
                mw.SetValue(mw.Feature(of, 4, (-1,)), 3.0),
            ]
            for of in (own, across)
        ),
    ]
    model.run(IDS)
    for edits in lists:
        runs = [model.run(IDS, edits, positions=[-1]) for _ in range(5)]
        assert runs[-1].plan.cached == N - 16
        full = model.run(IDS, edits, positions=[-1], replay=False)
        assert all(same(run.logits, full.logits) for run in runs)
        assert str(runs[-1].fired) == str(full.fired)


@pytest.mark.parametrize("name", ["bamba", "mamba"])
def test_a_recurrent_state_is_no_past(name: str) -> None:
    """A scan that goes on from one adds up in another order: it shows with some numbers only."""
    model = mw.wrap(build(name))
    model.run(IDS)
    for layer in range(model.n_layers):
        edits = [mw.Ablate(mw.Residual(layer, (N - 4,), end="pre"))]
        runs = [model.run(IDS, edits, positions=[-1]) for _ in range(5)]
        full = model.run(IDS, edits, positions=[-1], replay=False)
        assert [run.plan.cached for run in runs] == [0] * 5
        assert all(same(run.logits, full.logits) for run in runs)


class LooksBack:
    """Says that it is about the last position, and uses all of them."""

    component = mw.MLP(1, (-1,))

    def __init__(self, *, writes: bool) -> None:
        self.writes = writes

    def edits(self, _model, _n):
        def apply(tensor: torch.Tensor) -> torch.Tensor:
            edited = tensor.clone()
            if self.writes:
                edited[:, 0] += 1
            else:
                edited[:, -1] = tensor.mean(1)
            return edited

        return (Edit(mw.Site("mlp_out", 1), apply),)


@pytest.mark.parametrize("writes", [False, True])
def test_an_edit_that_needs_earlier_positions_is_found_out(writes: bool) -> None:
    model, edit = mw.wrap(build("gpt2")), [LooksBack(writes=writes)]
    model.run(IDS)
    full = model.run(IDS, edit, positions=[-1], replay=False)
    for _ in range(6):
        run = model.run(IDS, edit, positions=[-1])
        assert run.plan.cached == 0
        assert torch.equal(run.logits, full.logits)
        assert str(run.fired) == str(full.fired)


def test_what_a_past_takes_is_in_the_budget_and_goes_when_the_weights_change() -> None:
    module, edit = build("gpt2"), [mw.Ablate(mw.Head(1, 1, (-1,)))]
    model = mw.wrap(module)
    model.run(IDS)
    without = model.baselines.n_bytes
    for _ in range(5):
        run = model.run(IDS, edit, positions=[-1])
    assert run.plan.cached
    keys_and_values = 2 * 3 * run.plan.cached * 32 * 4
    assert model.baselines.n_bytes == without + keys_and_values
    with torch.no_grad():
        module.transformer.h[0].attn.c_attn.weight.mul_(1.1)
    now = model.run(IDS, edit, positions=[-1])
    assert now.plan.cached == 0
    assert not torch.equal(now.logits, run.logits)
    model.baselines.budget = Budget(remembered=without + 1)
    model.run(IDS)
    for _ in range(5):
        run = model.run(IDS, edit, positions=[-1])
        assert torch.equal(run.logits, now.logits)
        assert model.baselines.n_bytes <= without + 1
