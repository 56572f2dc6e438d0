"""Histograms of many neurons at once, counted as numbers come by, without knowing their range.

Each neuron has bins of one width from -R to R, R a power of two. When a number falls outside, R is
doubled and bins are joined in pairs, so that the counts stay exactly those of the numbers seen:
`numpy.histogram(numbers, edges)` gives the same.

In: activations `[token, neuron]`. Out: counts `[neuron, bin]` and the edges of each neuron.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

BINS = 128
_HALF = BINS // 2
_AT_ONCE = 512  # tokens: the places in between take more room than the numbers
_SMALLEST = -20  # R = 2 ** this at least: what is smaller is nothing


class Histograms:
    """The histograms of so many neurons.

    Attributes:
        counts: int64 `[neuron, bin]`.
        exponent: int16 `[neuron]`: the bins go from -2 ** exponent to 2 ** exponent.
    """

    def __init__(self, n_neurons: int) -> None:
        self.counts = np.zeros((n_neurons, BINS), dtype=np.int64)
        self.exponent = np.full(n_neurons, _SMALLEST, dtype=np.int16)

    def add(
        self, values: npt.NDArray[np.float32], exists: npt.NDArray[np.bool_] | None = None
    ) -> None:
        """Count `values[token, neuron]`, finite numbers, where they exist."""
        for start in range(0, len(values), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            self._add(values[part], None if exists is None else exists[part])

    def edges(self, neuron: int) -> npt.NDArray[np.float64]:
        """The `BINS` + 1 edges of one neuron; a bin holds its lower edge and not its upper one."""
        edge = np.ldexp(1.0, int(self.exponent[neuron]))
        return np.linspace(-edge, edge, BINS + 1)

    def _add(self, values: npt.NDArray[np.float32], exists: npt.NDArray[np.bool_] | None) -> None:
        sizes = np.abs(values if exists is None else np.where(exists, values, 0)).max(0)
        # The next power of two above the size: frexp gives size = m · 2 ** e with m < 1.
        wanted = np.where(sizes > 0, np.frexp(sizes)[1], _SMALLEST)
        self._grow(wanted.astype(np.int16))
        scale = np.ldexp(np.float64(_HALF), -self.exponent.astype(np.int32))
        place = np.floor(values * scale).astype(np.int64) + _HALF
        n_neurons = len(self.exponent)
        flat = np.clip(place, 0, BINS - 1) + np.arange(n_neurons) * BINS
        if exists is not None:  # what does not exist has a bin of its own, behind all others
            flat = np.where(exists, flat, n_neurons * BINS)
        counted = np.bincount(flat.ravel(), minlength=n_neurons * BINS + 1)[: n_neurons * BINS]
        self.counts += counted.reshape(n_neurons, BINS)

    def _grow(self, wanted: npt.NDArray[np.int16]) -> None:
        """Let the bins of each neuron reach to 2 ** wanted at least."""
        while (short := np.flatnonzero(self.exponent < wanted)).size:
            empty = short[~self.counts[short].any(1)]
            self.exponent[empty] = wanted[empty]
            full = short[self.counts[short].any(1)]
            pairs = self.counts[full].reshape(len(full), BINS // 2, 2).sum(-1)
            self.counts[full] = 0
            self.counts[full, _HALF // 2 : _HALF // 2 + BINS // 2] = pairs
            self.exponent[full] += 1
