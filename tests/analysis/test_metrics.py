"""Metrics: laws of the numbers, checks of tokens and positions, JSON there and back."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mechwidget.analysis import LogitDiff, Probability, metric_from_json
from mechwidget.errors import TokenError
from tests.analysis.vocabulary import Words

N = 12
WORDS = Words(N)
logits = st.lists(st.floats(-50, 50, width=32), min_size=N, max_size=N).map(torch.tensor)
token = st.integers(0, N - 1)


@given(logits, token, token)
def test_logit_difference_changes_sign_with_its_tokens(values, a, b):
    if a == b:
        return
    forward, back = (LogitDiff(*pair).bind(WORDS, 3)(values) for pair in ((a, b), (b, a)))
    assert forward == -back
    assert forward == pytest.approx(values[a].item() - values[b].item())


@given(logits, st.floats(-20, 20))
def test_metrics_do_not_see_a_shift_of_all_logits(values, shift):
    for metric, tolerance in ((LogitDiff(1, 2), 1e-4), (Probability(3), 1e-5)):
        bound = metric.bind(WORDS, 1)
        assert bound(values + shift) == pytest.approx(bound(values), abs=tolerance)


@given(logits)
def test_probabilities_add_up_to_one_and_agree_with_a_log_softmax(values):
    each = [Probability(i).bind(WORDS, 1)(values) for i in range(N)]
    assert sum(each) == pytest.approx(1)
    expected = values.double() - torch.logsumexp(values.double(), 0)
    assert each == pytest.approx(expected.exp().tolist(), abs=1e-12)


def test_a_bound_metric_says_what_it_is():
    bound = LogitDiff(" t3", 4, position=-2).bind(WORDS, 5)
    assert (bound.unit, bound.position, bound.tokens) == ("logits", 3, (3, 4))
    assert bound.label == "logit difference ·t3 \N{MINUS SIGN} ·t4 at -2"
    assert Probability(" t1").bind(WORDS, 5).label == "probability of ·t1"


@pytest.mark.parametrize("position", [5, -6, 1000])
def test_a_position_past_the_prompt_is_named(position):
    with pytest.raises(TokenError, match=rf"position {position}.*5 tokens"):
        Probability(0, position=position).bind(WORDS, 5)


def test_tokens_that_do_not_fit_are_refused():
    with pytest.raises(TokenError, match="two tokens"):
        LogitDiff(3, " t3").bind(WORDS, 5)
    with pytest.raises(TokenError):
        LogitDiff(" t3", " nope").bind(WORDS, 5)


@given(
    st.one_of(
        st.builds(LogitDiff, st.text(), token, st.integers(-9, 9)),
        st.builds(Probability, st.one_of(st.text(), token), st.integers(-9, 9)),
    )
)
def test_json_there_and_back_is_the_same_metric(metric):
    assert metric_from_json(json.loads(json.dumps(metric.to_json()))) == metric


def test_null_is_no_metric():
    assert metric_from_json(None) is None


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (3, "int"),
        ([], "list"),
        ({}, "None"),
        ({"type": "accuracy"}, "accuracy"),
        ({"type": "logit_diff", "a": "x"}, "'b'"),
        ({"type": "logit_diff", "a": 1.5, "b": "y"}, "'a'"),
        ({"type": "probability", "token": True}, "'token'"),
        ({"type": "probability", "token": "x", "position": "last"}, "position"),
        ({"type": "probability", "token": "x", "colour": "red"}, "colour"),
    ],
)
def test_json_that_is_no_metric_is_refused_by_field(data, named):
    with pytest.raises(TokenError, match=named):
        metric_from_json(data)


def test_sixteen_bit_logits_are_measured_in_double():
    values = torch.zeros(N, dtype=torch.bfloat16)
    assert Probability(0).bind(WORDS, 1)(values) == pytest.approx(1 / N, abs=1e-12)
    assert math.isfinite(LogitDiff(0, 1).bind(WORDS, 1)(values))
