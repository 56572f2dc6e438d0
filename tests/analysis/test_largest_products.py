"""The largest products: what a full sort of the whole matrix gives, in a fraction of the memory."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mechwidget.analysis.largest_products import largest_products
from mechwidget.errors import CancelledError, MechwidgetError
from tests.analysis.largest_tensor import LargestTensor


@given(st.integers(1, 40), st.integers(1, 50), st.integers(1, 60), st.integers(0, 99))
def test_they_are_those_of_a_full_sort(n, m, k, seed):
    module = import_module("mechwidget.analysis.largest_products")
    sizes, (module.ROWS, module.COLUMNS) = (module.ROWS, module.COLUMNS), (7, 9)
    try:
        generator = torch.Generator().manual_seed(seed)
        left, right = (torch.randn(size, 3, generator=generator) for size in (n, m))
        left *= torch.rand(n, 1, generator=generator) ** 4 * 10  # some rows matter, most do not
        rows, columns, values = largest_products(left, right, k)
    finally:
        module.ROWS, module.COLUMNS = sizes
    whole = left @ right.T
    expected = whole.flatten().sort(descending=True).values[: min(k, n * m)]
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(whole[rows, columns], values)
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == len(values)


def test_a_hundred_thousand_tokens_fit_and_most_blocks_are_left_out():
    """The matrix would take 40 GB; embeddings of a few long tokens decide."""
    generator, n = torch.Generator().manual_seed(0), 100_000
    left, right = (torch.randn(n, 16, generator=generator) for _ in range(2))
    scale = torch.linspace(0, 1, n)[:, None] ** 8
    left, right = left * scale, right * scale
    done = []
    with LargestTensor() as largest:
        rows, columns, values = largest_products(
            left, right, 20, progress=lambda *at: done.append(at)
        )
    assert 10**6 < largest.entries < 2**24
    assert len(done) < 0.1 * done[0][1]
    # Nothing in the rows of the largest beats them.
    top = (left[rows[:1]] @ right.T).max()
    assert float(top) == pytest.approx(float(values[0]), rel=1e-5)
    assert np.all(np.diff(values.numpy()) <= 0)
    assert int(columns.max()) < n


def test_bad_input_is_refused():
    table = torch.ones(4, 2)
    with pytest.raises(MechwidgetError, match="k is 0"):
        largest_products(table, table, 0)
    with pytest.raises(MechwidgetError, match="finite"):
        largest_products(table * float("nan"), table, 1)
    with pytest.raises(CancelledError):
        largest_products(table, table, 1, cancelled=lambda: True)
