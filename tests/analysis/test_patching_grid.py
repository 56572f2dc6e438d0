"""The patching grid: against a loop of plain hooks, and the laws that it obeys."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import mechwidget as mw
from mechwidget.analysis import align, patching_grid
from mechwidget.errors import CancelledError, InterventionError, MechwidgetError, SiteError
from tests.models.zoo.build import example, hooked, shared
from tests.models.zoo.species import HEADS, LAYERS

A = example(6)[0].tolist()
B = [*A[:2], 40, *A[3:5], 61]
LONGER = [*A[:2], 40, 41, *A[3:]]
METRIC = mw.LogitDiff(5, 17)


def complete(*args, **kwargs):
    return list(patching_grid(*args, **kwargs))[-1]


def difference(logits):
    return float(logits[0, -1, 5] - logits[0, -1, 17])


def place_of(name, site, layer):
    """The module that carries a site, and whether it is its output."""
    blocks = shared(name).transformer.h if name == "gpt2" else shared(name).model.layers
    block = blocks[layer]
    attention = block.attn if name == "gpt2" else block.self_attn
    w_o = attention.c_proj if name == "gpt2" else attention.o_proj
    return {
        "resid_pre": (block, False),
        "resid_post": (block, True),
        "attn_out": (attention, True),
        "mlp_out": (block.mlp, True),
        "z": (w_o, False),
    }[site]


@torch.no_grad()
def plainly_run(name, ids, site=None, layer=0, change=lambda carried: carried):
    """Logits, with what a module carries changed by a plain hook."""
    handles = []
    if site is not None:
        module, output = place_of(name, site, layer)

        def before(_module, args):
            return (change(args[0]), *args[1:])

        def after(_module, _args, result):
            many = isinstance(result, tuple)
            return (change(result[0]), *result[1:]) if many else change(result)

        hook = module.register_forward_hook if output else module.register_forward_pre_hook
        handles.append(hook(after if output else before))
    logits = shared(name)(torch.tensor([ids])).logits
    for handle in handles:
        handle.remove()
    return logits


@pytest.mark.parametrize("site", ["resid_pre", "resid_post", "attn_out", "mlp_out", "z"])
@pytest.mark.parametrize(("name", "source"), [("gpt2", B), ("llama", B), ("gpt2", LONGER)])
def test_each_cell_is_what_a_plain_hook_gives(name, source, site):
    grid = complete(hooked(name), A, source, METRIC, site=site)
    before = difference(plainly_run(name, A))
    after = difference(plainly_run(name, source))
    assert grid.metric_a == pytest.approx(before, abs=1e-5)
    assert grid.metric_b == pytest.approx(after, abs=1e-5)
    heads = range(HEADS) if site == "z" else [None]
    for layer, head, (column, (p,)) in itertools.product(
        range(LAYERS), heads, enumerate(grid.columns)
    ):
        held = {}
        plainly_run(name, source, site, layer, lambda x, held=held: held.setdefault("x", x.clone()))
        units = slice(None) if head is None else slice(8 * head, 8 * head + 8)

        def patched(carried, p=p, units=units, held=held):
            carried = carried.clone()
            carried[:, p, units] = held["x"][:, align(A, source).b_of_a[p], units]
            return carried

        expected = difference(plainly_run(name, A, site, layer, patched))
        cell = (layer, column) if head is None else (layer, head, column)
        assert grid.metric[cell] == pytest.approx(expected, abs=1e-4)
        assert grid.effect[cell] == pytest.approx(expected - before, abs=1e-4)
        share = (expected - before) / (after - before)
        assert grid.normalised[cell] == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "gemma2", "opt_post_norm", "mamba"])
def test_everything_patched_before_the_first_layer_is_the_other_prompt(name):
    grid = complete(hooked(name), A, B, METRIC, columns=[range(len(A)), 0])
    assert grid.normalised[0, 0] == pytest.approx(1, abs=1e-5)
    assert grid.metric[0, 0] == pytest.approx(grid.metric_b, abs=1e-4)
    np.testing.assert_allclose(grid.normalised[:, 0], 1, atol=1e-4)  # the whole stream, anywhere
    np.testing.assert_allclose(grid.normalised[:, 1], 0, atol=1e-4)  # the same token in both


def test_a_prompt_patched_from_itself_changes_nothing():
    grid = complete(hooked("gpt2"), A, A, METRIC, site="attn_out")
    np.testing.assert_allclose(grid.effect, 0, atol=1e-5)
    assert np.isnan(grid.normalised).all()
    assert grid.metric_a == grid.metric_b


def test_cells_come_in_parts_and_what_came_stays():
    seen = 0
    for grid in patching_grid(hooked("llama"), A, B, METRIC, site="z"):
        known = np.isfinite(grid.metric).sum()
        assert known == grid.done > seen
        seen = grid.done
    assert seen == grid.total == LAYERS * HEADS * len(A)


def test_a_cancelled_grid_keeps_what_it_found():
    grids = []
    going = patching_grid(hooked("gpt2"), A, B, METRIC, cancelled=lambda: len(grids) == 2)
    with pytest.raises(CancelledError):
        grids.extend(going)
    assert np.isfinite(grids[-1].metric).sum() == grids[-1].done > 0


def test_the_metric_is_read_where_the_alignment_puts_it():
    metric = mw.LogitDiff(5, 17, position=3)
    grid = complete(hooked("gpt2"), A, LONGER, metric, layers=[1], columns=[0])
    there = plainly_run("gpt2", LONGER)[0, 4]
    assert grid.metric_b == pytest.approx(float(there[5] - there[17]), abs=1e-5)


def test_the_stream_between_attention_and_mlp_is_patched_where_there_is_one():
    grid = complete(hooked("gpt2"), A, B, METRIC, site="resid_mid", layers=[1])
    for column, (p,) in enumerate(grid.columns):
        patch = mw.Patch(mw.Residual(1, [p], end="mid"), B)
        patched = hooked("gpt2").run(A, [patch], positions=[-1]).logits[0, 0]
        expected = float(patched[5] - patched[17])
        assert grid.metric[0, column] == pytest.approx(expected, abs=1e-4)
    with pytest.raises(SiteError, match="resid_mid"):
        complete(hooked("gpt_neox"), A, B, METRIC, site="resid_mid")


def test_layers_without_the_part_stay_empty():
    grid = complete(hooked("bamba"), A, B, METRIC, site="z")
    assert np.isnan(grid.metric[[0, 2]]).all()
    assert np.isfinite(grid.metric[1]).all()


def test_what_cannot_be_patched_is_said():
    model = hooked("gpt2")
    with pytest.raises(SiteError, match="pattern"):
        complete(model, A, B, METRIC, site="pattern")
    with pytest.raises(SiteError, match="no 'z' to patch"):
        complete(hooked("mamba"), A, B, METRIC, site="z")
    with pytest.raises(InterventionError, match="Position 2 has no counterpart"):
        complete(model, [*A[:2], 40, 41, *A[3:]], [*A[:2], *A[3:]], METRIC, columns=[2])
    with pytest.raises(InterventionError, match="read at position 2"):
        complete(model, [*A[:2], 40, 41, *A[3:]], [*A[:2], *A[3:]], mw.LogitDiff(5, 17, 2))
    with pytest.raises(MechwidgetError):
        complete(model, A, B, METRIC, layers=[LAYERS])
