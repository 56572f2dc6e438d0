"""Any list of interventions leaves the user's model as it was, and says what it did."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mechwidget.interventions import Intervention, intervention_from_json
from tests.interventions.fitting import IDS, LISTS, fits
from tests.interventions.parts import TRAITS
from tests.models.state import state_of, thread_state
from tests.models.zoo.build import hooked, own_logits, shared
from tests.models.zoo.species import ZOO

READS = st.lists(st.sampled_from(["z", "pattern", "resid_post", "mlp_out", "logits"]), max_size=2)


@cache
def before(name: str) -> tuple[dict, torch.Tensor]:
    return state_of(shared(name)), own_logits(shared(name), IDS)


def leaves_everything_as_it_was(name: str, wanted: list[Intervention], read: list[str]) -> None:
    model, (state, logits) = hooked(name), before(name)
    thread = thread_state()
    listed = [one for one in wanted if fits(model, one)]
    have = {site.name for site in model.sites}
    run = model.run(IDS, listed, read=[site for site in read if site in have])
    assert state_of(shared(name)) == state
    assert thread_state() == thread
    assert torch.equal(own_logits(shared(name), IDS), logits)
    assert {each.intervention for each in run.fired} == set(range(len(listed)))
    for each in run.fired:
        assert each.change >= each.largest >= 0 or math.isnan(each.change)
        assert each.reason or each.change != 0
    if run.logits.isfinite().all():
        again = [intervention_from_json(one.to_json()) for one in listed]
        assert torch.equal(model.run(IDS, again, read=run.read).logits, run.logits)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(TRAITS), LISTS, READS)
def test_any_list_leaves_the_model_as_it_was(name, wanted, read) -> None:
    leaves_everything_as_it_was(name, wanted, read)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(ZOO)), LISTS, READS)
def test_ten_thousand_lists_leave_the_model_as_it_was(name, wanted, read) -> None:
    leaves_everything_as_it_was(name, wanted, read)
