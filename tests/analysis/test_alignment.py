"""Alignments: laws of any two prompts."""

from __future__ import annotations

from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechwidget.analysis import align

prompts = st.lists(st.integers(0, 4), max_size=12)


@given(prompts, prompts)
def test_each_token_of_both_prompts_stands_in_one_column_in_order(a, b):
    found = align(a, b)
    assert [here for here, _ in found.columns if here is not None] == list(range(len(a)))
    assert [there for _, there in found.columns if there is not None] == list(range(len(b)))
    assert (None, None) not in found.columns


@given(prompts, prompts)
def test_the_mapping_is_the_columns_and_differences_are_differences(a, b):
    found = align(a, b)
    assert found.pairs == tuple((x, y) for x, y in found.columns if None not in (x, y))
    assert {*found.only_b, *(y for _, y in found.pairs)} == set(range(len(b)))
    for position, (there, differs) in enumerate(zip(found.b_of_a, found.differs, strict=True)):
        assert differs == (there is None or a[position] != b[there])


@given(prompts, prompts)
def test_prompts_of_one_length_are_aligned_by_position(a, b):
    short = min(len(a), len(b))
    found = align(a[:short], b[:short])
    assert found.by == "position"
    assert found.b_of_a == tuple(range(short))


@given(prompts)
def test_a_prompt_differs_nowhere_from_itself(a):
    assert not any(align(a, a).differs)


@given(prompts, prompts, st.lists(st.integers(5, 9), min_size=1, max_size=3))
def test_what_was_put_in_between_has_no_counterpart(before, after, more):
    found = align([*before, *after], [*before, *more, *after])
    assert not any(found.differs)
    assert found.by == "edits"
    assert len(found.only_b) == len(more)


def fewest(a, b):
    """The textbook's table of edits."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


@given(prompts, prompts)
def test_no_other_alignment_has_fewer_edits(a, b):
    found = align(a, b)
    edits = sum(None in column or a[column[0]] != b[column[1]] for column in found.columns)
    if found.by == "edits":
        assert edits == fewest(a, b)


def test_equal_tokens_are_kept_where_that_costs_nothing():
    assert align([1, 2], [2, 3, 4]).pairs == ((1, 0),)


@given(prompts, prompts)
def test_long_prompts_are_aligned_too(a, b):
    module = import_module("mechwidget.analysis.alignment")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MOST_CELLS", 0)
        found = align(a, b)
    assert [here for here, _ in found.columns if here is not None] == list(range(len(a)))
    assert [there for _, there in found.columns if there is not None] == list(range(len(b)))


def test_a_replaced_run_matches_from_its_end():
    found = align([1, 2, 3], [1, 7, 8, 3])
    assert found.columns == ((0, 0), (None, 1), (1, 2), (2, 3))
    assert found.differs == (False, True, False)


def test_a_long_prompt_with_many_edits_is_aligned_by_them():
    """Repeated tokens once made this take seconds, and every message to a page waited for it."""
    words = [(i * i) % 61 for i in range(3000)]
    edited = [100 if i % 40 == 7 else word for i, word in enumerate(words)]
    found = align(words, [*edited, 5])
    assert [i for i, differs in enumerate(found.differs) if differs] == list(range(7, 3000, 40))
    assert found.only_b == (3000,)
