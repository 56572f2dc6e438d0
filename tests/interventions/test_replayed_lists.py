"""Any list of interventions gives the same numbers replayed, computed in full, and as a row."""

from __future__ import annotations

from functools import cache

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mechwidget as mw
from mechwidget.interventions import Intervention
from tests.interventions.fitting import IDS, LISTS, TWO, fits, fitting
from tests.interventions.parts import TRAITS
from tests.models.zoo.build import hooked
from tests.zoo.build import build

ANYTHING = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def listed(name: str, wanted: list[Intervention]) -> list[Intervention]:
    return [one for one in wanted if fits(hooked(name), one)]


@ANYTHING
@given(st.sampled_from(TRAITS), LISTS)
def test_a_replayed_list_is_the_list_computed_in_full(name, wanted) -> None:
    model, edits = hooked(name), listed(name, wanted)
    model.run(IDS)
    replayed = model.run(IDS, edits)
    full = model.run(IDS, edits, replay=False)
    assert replayed.attention == full.attention
    assert torch.equal(replayed.logits.nan_to_num(), full.logits.nan_to_num())
    assert replayed.fired == full.fired


@ANYTHING
@given(st.sampled_from(TRAITS), st.lists(LISTS, min_size=2, max_size=4))
def test_a_list_as_a_row_is_the_list_alone(name, wanted) -> None:
    model = hooked(name)
    variants = [edits for one in wanted if (edits := listed(name, one))]
    rows = model.run_rows(IDS, variants)
    for row, edits in zip(rows, variants, strict=True):
        alone = model.run(IDS, edits)
        if row.attention != alone.attention or not alone.logits.isfinite().all():
            continue
        # Values of up to a million go in: rounding is measured against what comes out.
        room = 1e-3 * (1 + alone.logits.abs().max())
        assert (row.logits - alone.logits).abs().max() <= room


@cache
def two_stacks(kind: str) -> mw.HookedModel:
    return mw.wrap(build(kind, "encoder-decoder"))


@settings(ANYTHING, max_examples=50)
@given(st.sampled_from(["t5", "bart"]), st.lists(fitting(8, crosses=True), min_size=1, max_size=4))
def test_two_stacks_are_replayed_as_they_are_computed(kind, wanted) -> None:
    model = two_stacks(kind)
    edits = [one for one in wanted if fits(model, one, TWO)]
    model.run(TWO)
    replayed, full = model.run(TWO, edits), model.run(TWO, edits, replay=False)
    assert torch.equal(replayed.logits.nan_to_num(), full.logits.nan_to_num())
    assert replayed.fired == full.fired
    assert {each.intervention for each in full.fired} == set(range(len(edits)))
