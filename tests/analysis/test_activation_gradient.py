"""Activation times gradient: against finite differences of the runs that it estimates."""

from __future__ import annotations

import numpy as np
import pytest

import mechwidget as mw
from mechwidget.analysis import activation_gradient, align
from mechwidget.errors import SiteError
from tests.models.zoo.build import example, hooked
from tests.models.zoo.species import HEADS, LAYERS

METRIC = mw.LogitDiff(5, 17)
STEP = 1e-2


def moved(model, component, factor):
    """The metric with a component scaled, by a run."""
    logits = model.run(example(), [mw.Scale(component, factor)], positions=[-1]).logits[0, 0]
    return float(logits[5] - logits[17])


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "gpt_neox", "openai_gpt"])
def test_each_number_is_the_slope_of_turning_the_part_down(name):
    model, found = hooked(name), activation_gradient(hooked(name), example(), METRIC)
    assert found.heads.shape == (LAYERS, HEADS, 11)
    parts = [(mw.Head(1, 2), found.heads[1, 2]), (mw.Head(0, 0), found.heads[0, 0])]
    parts += [(mw.Attention(1), found.attention[1]), (mw.MLP(0), found.mlp[0])]
    for component, numbers in parts:
        slope = (moved(model, component, 1 + STEP) - moved(model, component, 1 - STEP)) / (2 * STEP)
        assert numbers.sum() == pytest.approx(slope, abs=2e-3 + 0.01 * abs(slope))


def test_positions_are_told_apart():
    model, found = hooked("gpt2"), activation_gradient(hooked("gpt2"), example(), METRIC)
    part = mw.MLP(0, positions=[4])
    slope = (moved(model, part, 1 + STEP) - moved(model, part, 1 - STEP)) / (2 * STEP)
    assert found.mlp[0, 4] == pytest.approx(slope, abs=2e-3)


def test_a_second_prompt_gives_the_first_step_of_patching():
    model, a = hooked("gpt2"), example()[0].tolist()
    b = [*a[:2], 40, 41, *a[3:]]
    found = activation_gradient(model, a, METRIC, source=b)
    site, pairs = ("mlp_out", 1), align(a, b).pairs
    held, other = (model.run(ids, read=[site]).read[site][0] for ids in (a, b))
    gradient = model.gradients(a, METRIC, [site])[site][0]
    expected = np.zeros(len(a))
    for here, there in pairs:
        expected[here] = float((other[there] - held[here]) @ gradient[here])
    np.testing.assert_allclose(found.mlp[1], expected, atol=1e-5)
    same = activation_gradient(model, a, METRIC, source=a)
    np.testing.assert_allclose(same.heads, 0, atol=1e-6)


def test_interventions_are_in_force_and_missing_parts_are_nan():
    skipped = activation_gradient(hooked("gpt2"), example(), METRIC, [mw.Ablate(mw.MLP(1))])
    np.testing.assert_array_equal(skipped.mlp[1], 0)
    bamba = activation_gradient(hooked("bamba"), example(), METRIC)
    assert np.isnan(bamba.heads[0]).all()
    assert np.isfinite(bamba.heads[1]).all()
    with pytest.raises(SiteError, match="no heads, attentions or MLPs"):
        activation_gradient(hooked("mamba"), example(), METRIC)
