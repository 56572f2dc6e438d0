"""Head scores: against definitions written as loops, and the laws that they must obey."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mechwidget.analysis import head_scores
from mechwidget.analysis.head_scores import SCORES
from mechwidget.errors import MechwidgetError

HEADS = 3
prompts = st.lists(st.integers(0, 4), min_size=1, max_size=12)
NAMES = sorted(SCORES)


def attention(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(HEADS, n, n, generator=generator)
    return scores.masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf).softmax(-1)


def keys_of(name, ids, query):
    """Which keys count, straight from the definitions."""
    earlier = range(query)
    if name == "previous_token":
        return [query - 1] if query else []
    if name == "first_token":
        return [0] if query else []
    copies = [key for key in earlier if ids[key] == ids[query]]
    if name == "duplicate_token":
        return copies
    return [key + 1 for key in copies if key + 1 < query]


@pytest.mark.parametrize("name", NAMES)
@given(ids=prompts, seed=st.integers(0, 99))
def test_scores_are_their_definitions(name, ids, seed):
    pattern = attention(len(ids), seed)
    score = head_scores(name, pattern, ids)
    for head in range(HEADS):
        sums = [
            sum(pattern[head, query, key].item() for key in keys)
            for query in range(len(ids))
            if (keys := keys_of(name, ids, query))
        ]
        if sums:
            assert score.reason == ""
            assert score.values[head].item() == pytest.approx(sum(sums) / len(sums), abs=1e-6)
        else:
            assert score.reason
            assert torch.isnan(score.values[head])


@given(ids=prompts, seed=st.integers(0, 99), rename=st.permutations(range(5)))
@pytest.mark.parametrize("name", NAMES)
def test_scores_do_not_depend_on_names_of_tokens_or_order_of_heads(name, ids, seed, rename):
    pattern = attention(len(ids), seed)
    score = head_scores(name, pattern, ids).values
    renamed = head_scores(name, pattern, [rename[i] for i in ids]).values
    turned = head_scores(name, pattern.flip(0), ids).values.flip(0)
    assert torch.equal(score.nan_to_num(-1), renamed.nan_to_num(-1))
    assert torch.equal(score.nan_to_num(-1), turned.nan_to_num(-1))
    assert bool(((score >= 0) & (score <= 1 + 1e-6) | torch.isnan(score)).all())


def test_a_perfect_induction_head_scores_one_and_the_others_see_nothing():
    ids = [1, 2, 3, 4, 1, 2, 3, 4]
    pattern = torch.zeros(1, 8, 8)
    pattern[0, range(8), [0, 0, 0, 0, 1, 2, 3, 4]] = 1
    assert head_scores("induction", pattern, ids).values.item() == 1
    assert head_scores("previous_token", pattern, ids).values.item() == pytest.approx(1 / 7)
    assert head_scores("duplicate_token", pattern, ids).values.item() == 0


def test_a_wrong_name_or_shape_says_what_there_is():
    with pytest.raises(MechwidgetError, match="previous_token"):
        head_scores("copying", attention(3), [1, 2, 3])
    with pytest.raises(MechwidgetError, match=r"\[head, query, key\]"):
        head_scores("induction", attention(3), [1, 2])
