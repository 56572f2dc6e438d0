"""A pattern reaches the page whole: the half that says everything, or all of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mechwidget.views.pattern_frame import layout_of, pattern_frame
from mechwidget.wire import decode

sides = st.integers(0, 7)
shapes = st.one_of(st.tuples(sides, sides), sides.map(lambda side: (side, side)))
patterns = shapes.flatmap(
    lambda shape: arrays.arrays(np.float32, shape, elements=st.floats(0, 1, width=32))
)


@given(patterns, st.booleans(), st.booleans())
def test_packing_and_unpacking_gives_the_pattern_back(pattern, causal, lower):
    pattern = np.tril(pattern) if lower else pattern
    frame = pattern_frame(torch.tensor(pattern), causal=causal)
    assert frame.dtype == "u8"
    assert frame.shape == pattern.shape
    seen = decode(frame.header(), frame.data)
    np.testing.assert_allclose(seen, pattern, atol=1 / 510 + 1e-6)


@given(patterns)
def test_half_is_sent_only_where_the_other_half_is_zero_and_meant_to_be(pattern):
    tensor = torch.tensor(pattern)
    square = pattern.shape[0] == pattern.shape[1]
    lower = square and not np.triu(pattern, 1).any()
    assert layout_of(tensor, causal=True) == ("tril" if lower else "dense")
    assert layout_of(tensor, causal=False) == "dense"
    n_entries = len(pattern_frame(tensor).data)
    side = pattern.shape[0]
    assert n_entries == (side * (side + 1) // 2 if lower else pattern.size)


@pytest.mark.parametrize(("high", "low"), [(3.0, 0.0), (1.0, -2.0)])
def test_what_no_softmax_gives_is_not_clipped(high, low):
    pattern = torch.tensor([[high, 0.0], [low, 0.5]])
    seen = pattern_frame(pattern).values()
    np.testing.assert_allclose(seen, pattern, atol=(high - low) / 510 + 1e-6)


def test_a_pattern_that_is_not_finite_says_so():
    frame = pattern_frame(torch.tensor([[1.0, 0.0], [float("nan"), 0.5]]))
    assert frame.dtype == "f16"
    np.testing.assert_array_equal(np.isnan(frame.values()), [[False, False], [True, False]])
