"""Histograms that grow hold what numpy's would, had it known the range from the start."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mechwidget.analysis.histograms import BINS, Histograms

NUMBERS = st.floats(-1e4, 1e4, width=32) | st.sampled_from([0.0, 1.0, -1.0, 2.0, -8.0, 2**-20])


@st.composite
def parts(draw):
    n = draw(st.integers(1, 3))
    shapes = st.tuples(st.integers(0, 6), st.just(n))
    return draw(st.lists(arrays(np.float32, shapes, elements=NUMBERS), min_size=1, max_size=4))


@given(parts(), st.randoms(use_true_random=False))
def test_counts_are_numpys(some, chance):
    n = some[0].shape[1]
    histograms, there = Histograms(n), []
    for values in some:
        exists = np.array(
            [[chance.random() < 0.8 for _ in range(n)] for _ in values], dtype=bool
        ).reshape(values.shape)
        histograms.add(values, exists)
        there.append(exists)
    every, exists = np.concatenate(some), np.concatenate(there)
    for neuron in range(n):
        seen = every[exists[:, neuron], neuron]
        edges = histograms.edges(neuron)
        counts, _ = np.histogram(seen.astype(np.float64), edges)
        np.testing.assert_array_equal(histograms.counts[neuron], counts)
        assert counts.sum() == len(seen)
        size = np.abs(seen).max(initial=0)
        assert size == 0 or edges[-1] <= max(2 * size, 2**-19)


def test_without_a_word_everything_exists_and_long_parts_are_cut():
    values = np.random.default_rng(0).normal(size=(1500, 2)).astype(np.float32)
    histograms = Histograms(2)
    histograms.add(values)
    histograms.add(values[:0])
    for neuron in range(2):
        counts, _ = np.histogram(values[:, neuron], histograms.edges(neuron))
        np.testing.assert_array_equal(histograms.counts[neuron], counts)
    assert histograms.counts.shape == (2, BINS)
