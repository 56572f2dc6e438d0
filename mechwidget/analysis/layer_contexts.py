"""What the neurons of one layer did over the prompts that have been looked at so far.

All neurons of the layer at once, in bounded memory: of each the prompts in which it is highest and
lowest with the place of its peak, a histogram of all its activations, and how often it fired. So
the next neuron of the layer costs nothing. Neurons of experts are counted only at tokens that were
sent to their expert; elsewhere they have no activation.

In: activations prompt by prompt. Out: arrays `[…, neuron]`; an expert's neurons lie side by side,
expert after expert.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mechwidget.analysis.histograms import Histograms
from mechwidget.interventions import ExpertNeuron, Neuron

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from mechwidget.models import HookedModel

    Values = npt.NDArray[np.float32]
    Exists = npt.NDArray[np.bool_] | None

HIGHEST, LOWEST = 0, 1


@dataclass(eq=False)
class LayerContexts:
    """The running result for one layer.

    Attributes:
        layer: which; `experts`: how many there are, 0 of an ordinary MLP.
        n_neurons: of an MLP, or of each expert.
        k: how many prompts are kept of each neuron.
        total: how many prompts there are; `looked`: how many of them were looked at.
        tokens: how many tokens these had.
        cut: how many of them were longer than what was looked at.
        skipped: how many could not be run; `why_skipped`: the first of them and the reason.
        value: float32 `[end, k, neuron]`, the peak of each kept prompt, the most extreme first;
            end 0 is highest, end 1 is lowest. Nan where there are fewer.
        prompt: int32, which prompt, -1 where there are fewer; `position`: int32, which token.
        histograms: of every activation.
        fired: int64 `[neuron]`, at how many tokens its activation was above 0.
        sums: float64 `[neuron]`, of its activations.
        seconds: how long it took.
    """

    layer: int
    experts: int
    n_neurons: int
    k: int
    total: int
    looked: int = 0
    tokens: int = 0
    cut: int = 0
    skipped: int = 0
    why_skipped: str = ""
    seconds: float = 0.0
    value: Values = field(init=False)
    prompt: npt.NDArray[np.int32] = field(init=False)
    position: npt.NDArray[np.int32] = field(init=False)
    histograms: Histograms = field(init=False)
    fired: npt.NDArray[np.int64] = field(init=False)
    sums: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        shape = (2, self.k, self.width)
        self.value = np.full(shape, np.nan, dtype=np.float32)
        self.prompt, self.position = (np.full(shape, -1, dtype=np.int32) for _ in range(2))
        self.histograms = Histograms(self.width)
        self.fired = np.zeros(self.width, dtype=np.int64)
        self.sums = np.zeros(self.width)

    @property
    def width(self) -> int:
        """How many neurons the layer has in all."""
        return self.n_neurons * max(1, self.experts)

    @property
    def complete(self) -> bool:
        """Whether every prompt was looked at."""
        return self.looked >= self.total

    @property
    def n_bytes(self) -> int:
        """What it takes."""
        arrays = (self.value, self.prompt, self.position, self.fired, self.sums)
        return sum(array.nbytes for array in arrays) + self.histograms.counts.nbytes

    def column(self, neuron: Neuron | ExpertNeuron) -> int:
        """Where a neuron is along the last axis."""
        expert = neuron.expert if isinstance(neuron, ExpertNeuron) else 0
        return expert * self.n_neurons + neuron.index

    def add(self, prompts: Sequence[tuple[int, Values, Exists]]) -> None:
        """Take in `(index, values[pos, neuron], exists[pos, neuron])` of prompts.

        Their indices are larger than all before and rise: what is equal, the first prompt keeps.
        """
        if not prompts:
            return
        ends = [self._peaks(values, exists) for _, values, exists in prompts]
        indices = np.array([index for index, *_ in prompts], dtype=np.int32)
        for end in (HIGHEST, LOWEST):
            value = np.stack([peaks[end][0] for peaks in ends])
            position = np.stack([peaks[end][1] for peaks in ends])
            self._keep(end, value, np.broadcast_to(indices[:, None], value.shape), position)
        every = np.concatenate([values for _, values, _ in prompts])
        some = [exists for *_, exists in prompts if exists is not None]
        there = np.concatenate(some) if some else None
        self.histograms.add(every, there)
        here = every if there is None else np.where(there, every, 0)
        self.fired += (here > 0).sum(0)
        self.sums += here.sum(0, dtype=np.float64)

    def _peaks(
        self, values: Values, exists: Exists
    ) -> tuple[tuple[Values, npt.NDArray[np.int32]], ...]:
        """Per end, the most extreme activation of one prompt and where it is first reached."""
        found = []
        for sign in (1, -1):
            signed = sign * values
            if exists is not None:
                signed = np.where(exists, signed, np.float32(-np.inf))
            at = signed.argmax(0)
            peak = np.take_along_axis(signed, at[None], 0)[0]
            # A neuron that is not above 0 anywhere in a prompt does not fire in it.
            here = peak > 0
            found.append((np.where(here, sign * peak, np.nan), np.where(here, at, -1)))
        return tuple((value.astype(np.float32), at.astype(np.int32)) for value, at in found)

    def _keep(
        self,
        end: int,
        value: Values,
        prompt: npt.NDArray[np.int32],
        position: npt.NDArray[np.int32],
    ) -> None:
        """The k most extreme of those that are kept and these."""
        values = np.concatenate([self.value[end], value])
        size = np.where(np.isnan(values), np.inf, -np.abs(values))
        order = np.argsort(size, axis=0, kind="stable")[: self.k]
        self.value[end] = np.take_along_axis(values, order, 0)
        for name, new in (("prompt", prompt), ("position", position)):
            kept = getattr(self, name)
            both = np.concatenate([kept[end], new])
            kept[end] = np.where(np.isnan(self.value[end]), -1, np.take_along_axis(both, order, 0))


def empty_contexts(model: HookedModel, layer: int, k: int, total: int) -> LayerContexts:
    """Nothing looked at yet."""
    experts = model.n_experts(layer)
    n_neurons = model.n_expert_neurons(layer) if experts else model.n_neurons(layer)
    return LayerContexts(layer, experts, n_neurons, k, total)
