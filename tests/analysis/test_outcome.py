"""Outcomes: laws of KL, ranks and the choice of tokens, against plain computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mechwidget.analysis import kl_nats, outcome
from tests.analysis.vocabulary import Words

N = 20
WORDS = Words(N)
logits = st.lists(st.floats(-30, 30, width=32), min_size=N, max_size=N).map(torch.tensor)


def distribution(values):
    exact = np.exp(values.double().numpy() - values.double().numpy().max())
    return exact / exact.sum()


@given(logits, logits)
def test_kl_is_never_negative_and_is_what_numpy_says(before, after):
    p, q = distribution(before), distribution(after)
    ours = kl_nats(before, after)
    assert ours >= 0
    assert ours == pytest.approx(float((p * np.log(p / q)).sum()), abs=1e-9)


@given(logits)
def test_no_change_is_no_change(values):
    same = outcome(values, values.clone(), WORDS)
    assert same.kl == 0
    assert all(change.before == change.after for change in same.top)
    assert all(change.rank_before == change.rank_after for change in same.top)


@given(logits, logits)
def test_every_row_is_what_a_full_sort_says(before, after):
    p, q = distribution(before), distribution(after)
    for row in outcome(before, after, WORDS).top:
        assert row.before == pytest.approx(p[row.id], abs=1e-9)
        assert row.after == pytest.approx(q[row.id], abs=1e-9)
        assert (row.logit_before, row.logit_after) == (before[row.id].item(), after[row.id].item())
        larger = sorted(before.tolist(), reverse=True).index(before[row.id].item())
        assert row.rank_before == larger + 1
        assert row.rank_after == sum(v > after[row.id].item() for v in after.tolist()) + 1
        assert row.text == f" t{row.id}"


@given(logits, logits)
def test_the_likeliest_before_and_after_are_always_listed(before, after):
    changes = outcome(before, after, WORDS, k=6)
    assert len(changes.top) == 6
    for logits_, ranks in (
        (before, [row.rank_before for row in changes.top]),
        (after, [row.rank_after for row in changes.top]),
    ):
        third = 1 + sum(v > sorted(logits_.tolist())[-3] for v in logits_.tolist())
        assert sum(rank <= third for rank in ranks) >= 3


def test_a_flat_baseline_keeps_its_likeliest_beside_a_peaked_edit():
    before, after = torch.zeros(N), torch.zeros(N)
    before[0] = 0.1
    after[1:9] = 30
    rows = outcome(before, after, WORDS, k=8).top
    assert len(rows) == 8
    assert rows[0].id == 0


@given(logits, logits, st.sets(st.integers(0, N - 1), max_size=3))
def test_tokens_of_the_metric_are_listed_and_rows_keep_the_order_of_the_baseline(a, b, wanted):
    rows = outcome(a, b, WORDS, k=4, include=tuple(wanted)).top
    assert wanted <= {row.id for row in rows}
    assert [row.rank_before for row in rows] == sorted(row.rank_before for row in rows)
    assert 4 <= len(rows) <= 4 + len(wanted)


def test_masked_tokens_count_nothing():
    before, after = torch.randn(2, N)
    expected = kl_nats(before[:-3], after[:-3])
    before[-3:] = after[-3:] = -math.inf
    assert kl_nats(before, after) == pytest.approx(expected)
    assert {row.id for row in outcome(before, after, WORDS, k=N).top} == set(range(N - 3))


def test_not_a_number_stays_visible():
    assert math.isnan(kl_nats(torch.randn(N), torch.full((N,), math.nan)))


def test_a_vocabulary_smaller_than_k():
    assert len(outcome(torch.randn(3), torch.randn(3), WORDS, k=8).top) == 3
