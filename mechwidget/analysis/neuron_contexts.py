"""The contexts in which a neuron is most active, over a reference set of prompts.

One pass over the prompts serves every neuron of a layer: prompts run side by side up to that layer,
what its neurons do is taken in, and only peaks and counts are kept. Prompts longer than the model
can read are cut at their end. The pass can be stopped after any step and gone on with.

In: a hooked model, a reference set, neurons. Out: `NeuronContexts`: prompts with their activations
along the tokens, a histogram, and how much was looked at.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.analysis.corpus import read_corpus
from mechwidget.analysis.layer_contexts import LayerContexts, empty_contexts
from mechwidget.errors import CancelledError, MechwidgetError, PromptError
from mechwidget.interventions import ExpertNeuron, Neuron
from mechwidget.models import Site
from mechwidget.models.raw_signal import unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import torch

    from mechwidget.analysis.corpus import Corpus
    from mechwidget.models import HookedModel, Tokens
    from mechwidget.models.prompts import Prompt

    Found = tuple[int, npt.NDArray[np.float32], npt.NDArray[np.bool_] | None]

AnyNeuron = Neuron | ExpertNeuron

MOST_TOKENS = 1024
"""The most tokens of one prompt that are looked at, where the model could read more."""

_BYTES_OF_A_STEP = 64 * 2**20  # of activations that one step takes in
_TOKENS_OF_A_STEP = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """One prompt in which a neuron peaks.

    Attributes:
        prompt: its index in the reference set.
        position: the token of the peak; `value`: the activation there.
        tokens: the prompt, as far as it was looked at.
        activations: float32 `[pos]`, nan at tokens that went to other experts.
    """

    prompt: int
    position: int
    value: float
    tokens: Tokens
    activations: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class NeuronContexts:
    """What one neuron did over a reference set.

    Attributes:
        neuron: which.
        highest: the prompts with its highest activations above 0, the highest first.
        lowest: those with its lowest activations below 0, the lowest first.
        counts: int64 `[bin]`, the histogram of all its activations; `edges`: float64 `[bin + 1]`.
        tokens: at how many tokens it was looked at (of an expert: that were sent to it).
        fired: at how many of them it was above 0.
        mean: of its activations at those tokens; nan without any.
        looked: how many prompts were looked at; `total`: how many there are.
        cut: how many of them were cut at their end; `skipped`: how many could not be run.
        why_skipped: the first of those, and the reason.
    """

    neuron: AnyNeuron
    highest: tuple[Context, ...]
    lowest: tuple[Context, ...]
    counts: npt.NDArray[np.int64]
    edges: npt.NDArray[np.float64]
    tokens: int
    fired: int
    mean: float
    looked: int
    total: int
    cut: int
    skipped: int
    why_skipped: str

    @property
    def partial(self) -> bool:
        """Whether prompts are left that were not looked at."""
        return self.looked < self.total


class LayerScan:
    """One pass over a reference set for one layer, step by step.

    Args:
        model: whose.
        corpus: the prompts.
        layer: one with neurons.
        k: how many prompts to keep of each neuron.
        most_tokens: how much of a prompt is looked at; less where the model reads less.
        found: what an earlier pass has found, to be gone on with.

    Raises:
        ComponentError: the layer has no neurons that can be told apart.
    """

    def __init__(
        self,
        model: HookedModel,
        corpus: Corpus,
        layer: int,
        *,
        k: int = 16,
        most_tokens: int = MOST_TOKENS,
        found: LayerContexts | None = None,
    ) -> None:
        if k < 1 or most_tokens < 1:
            raise MechwidgetError(f"k is {k}, most_tokens {most_tokens}; expected 1 or more.")
        first: AnyNeuron = ExpertNeuron(layer, 0, 0) if model.n_experts(layer) else Neuron(layer, 0)
        first.check(model)
        self._model, self._corpus, self._most_tokens = model, corpus, most_tokens
        self.found = found or empty_contexts(model, layer, k, len(corpus))
        width = max(1, self.found.width)
        self._tokens_of_a_step = min(_TOKENS_OF_A_STEP, _BYTES_OF_A_STEP // (4 * width))

    @property
    def done(self) -> bool:
        """Whether every prompt was looked at."""
        return self.found.complete

    def step(self, cancelled: Callable[[], bool] | None = None) -> None:
        """Look at the next prompts; all of them are taken in, or none when it was cancelled.

        Raises:
            CancelledError: `cancelled()` became true.
        """
        began, found = time.monotonic(), self.found
        prompts: list[tuple[int, Tokens]] = []
        index, n_tokens, cut, failed = found.looked, 0, 0, []
        while index < found.total and n_tokens < self._tokens_of_a_step:
            if cancelled is not None and cancelled():
                raise CancelledError("The pass over the reference set was cancelled.")
            try:
                tokens, left = cut_tokens(
                    self._model, self._corpus.prompts[index], self._most_tokens
                )
            except PromptError as error:
                failed.append(f"prompt {index}: {error.message}")
            else:
                prompts.append((index, tokens))
                n_tokens += tokens.longest
                cut += left > 0
            index += 1
        rows, wrong = _finite(self._read(prompts, cancelled))
        failed += wrong
        found.add(rows)
        found.looked = index
        found.tokens += sum(len(values) for _, values, _ in rows)
        found.cut += cut
        found.skipped += len(failed)
        found.why_skipped = found.why_skipped or next(iter(failed), "")
        found.seconds += time.monotonic() - began

    def _read(
        self, prompts: Sequence[tuple[int, Tokens]], cancelled: Callable[[], bool] | None
    ) -> list[Found]:
        read = activations_of(self._model, self.found.layer, [t for _, t in prompts], cancelled)
        return [
            (index, values, exists)
            for (index, _), (values, exists) in zip(prompts, read, strict=True)
        ]


def neuron_contexts(
    model: HookedModel,
    corpus: Any,
    neurons: AnyNeuron | Sequence[AnyNeuron],
    *,
    k: int = 16,
    most_tokens: int = MOST_TOKENS,
    cancelled: Callable[[], bool] | None = None,
    told: Callable[[LayerContexts], object] | None = None,
) -> tuple[NeuronContexts, ...]:
    """The contexts of each neuron, one pass per layer that they are in.

    When it is cancelled, what was found until then is returned, and is `partial`.

    Args:
        model: whose.
        corpus: what `read_corpus` takes: a list, a text file, a column of a DataFrame …
        neurons: `Neuron`s or `ExpertNeuron`s.
        k: how many prompts of each, at either end.
        most_tokens: how much of each prompt is looked at; less where the model reads less.
        cancelled: asked before every block.
        told: called with what is known of a layer after each step.

    Raises:
        MechwidgetError: the reference set is empty or unreadable.
        ComponentError: a neuron that the model does not have.
    """
    wanted = [neurons] if isinstance(neurons, AnyNeuron) else list(neurons)
    for neuron in wanted:
        neuron.check(model)
    prompts = read_corpus(corpus)
    layers: dict[int, LayerContexts] = {}
    for layer in sorted({neuron.layer for neuron in wanted}):
        scan = LayerScan(model, prompts, layer, k=k, most_tokens=most_tokens)
        layers[layer] = scan.found
        try:
            while not scan.done:
                scan.step(cancelled)
                if told is not None:
                    told(scan.found)
        except CancelledError:
            continue
    return tuple(
        contexts_of(model, prompts, layers[neuron.layer], neuron, most_tokens=most_tokens)
        for neuron in wanted
    )


def contexts_of(
    model: HookedModel,
    corpus: Corpus,
    found: LayerContexts,
    neuron: AnyNeuron,
    *,
    most_tokens: int = MOST_TOKENS,
    whole: bool = True,
    cancelled: Callable[[], bool] | None = None,
) -> NeuronContexts:
    """One neuron of what was found in its layer.

    `whole`: its prompts are run again for their activations; else only the peaks are there, and the
    rest is nan.

    Raises:
        CancelledError: `cancelled()` became true.
    """
    column = found.column(neuron)
    kept = found.prompt[:, :, column]
    indices = sorted({int(index) for index in kept.ravel() if index >= 0})
    tokens = [cut_tokens(model, corpus.prompts[index], most_tokens)[0] for index in indices]
    along: list[npt.NDArray[np.float32] | None] = [None] * len(indices)
    if whole:
        read = activations_of(model, found.layer, tokens, cancelled, columns=[column])
        along = [
            np.where(True if exists is None else exists[:, 0], values[:, 0], np.nan)
            for values, exists in read
        ]
    prompts = dict(zip(indices, zip(tokens, along, strict=True), strict=True))
    highest, lowest = (
        tuple(
            _context(found, (end, nth, column), *prompts[index])
            for nth, index in enumerate(kept[end].tolist())
            if index >= 0
        )
        for end in range(2)
    )
    counts = found.histograms.counts[column].copy()
    n = int(counts.sum())
    return NeuronContexts(
        neuron,
        highest,
        lowest,
        counts,
        found.histograms.edges(column),
        n,
        int(found.fired[column]),
        float(found.sums[column]) / n if n else float("nan"),
        found.looked,
        found.total,
        found.cut,
        found.skipped,
        found.why_skipped,
    )


def _context(
    found: LayerContexts,
    at: tuple[int, int, int],
    tokens: Tokens,
    along: npt.NDArray[np.float32] | None,
) -> Context:
    """One kept prompt; without its activations all but the peak is nan."""
    position, value = int(found.position[at]), float(found.value[at])
    if along is None:
        along = np.full(tokens.longest, np.nan, dtype=np.float32)
        along[position] = value
    return Context(int(found.prompt[at]), position, value, tokens, along)


def activations_of(
    model: HookedModel,
    layer: int,
    prompts: Sequence[Tokens],
    cancelled: Callable[[], bool] | None = None,
    *,
    columns: Sequence[int] | None = None,
) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_] | None]]:
    """Per prompt, `values[pos, neuron]` of a layer, and of experts which of them exist.

    `columns`: which neurons, as `LayerContexts.column` counts them; None is all.
    """
    experts, n = model.n_experts(layer), model.n_expert_neurons(layer)
    names = ("experts", "expert_post") if experts else ("mlp_post",)
    sites = [Site(name, layer) for name in names]
    width = experts * n if experts else model.n_neurons(layer)
    found: dict[int, Any] = {}
    for index, held in model.read_side_by_side(
        prompts, sites, n_bytes=4 * max(1, width), cancelled=cancelled
    ):
        values, exists = held[sites[-1]].flatten(1), None
        if experts:
            exists = _chosen(held[sites[0]], experts)
        at = slice(None) if columns is None else list(columns)
        there = None
        if exists is not None:
            there = exists.repeat_interleave(n, 1)[:, at].cpu().numpy()
        found[index] = (values[:, at].float().cpu().numpy(), there)
    return [found[index] for index in range(len(prompts))]


def cut_tokens(model: HookedModel, prompt: Prompt, most: int = MOST_TOKENS) -> tuple[Tokens, int]:
    """The first `most` tokens of a prompt that the model can read, and how many were left out.

    Raises:
        PromptError: there is no token in it, or one that the model does not have.
    """
    limit = most if model.max_positions is None else min(most, model.max_positions)
    tokens = model.source.tokens(unwrapped(prompt))
    left = max(0, tokens.longest - limit)
    if tokens.encoder is not None:
        tokens = replace(tokens, encoder=_cut(tokens.encoder, limit))
    return model.tokenize(_cut(tokens, limit)), left


def _cut(tokens: Tokens, n: int) -> Tokens:
    if len(tokens.ids) <= n:
        return tokens
    stray = {position: raw for position, raw in tokens.stray.items() if position < n}
    return replace(
        tokens, ids=tokens.ids[:n], texts=tokens.texts[:n], special=tokens.special[:n], stray=stray
    )


def _chosen(choice: torch.Tensor, experts: int) -> torch.Tensor:
    """Which experts each token went to, `[pos, expert]`, of `choice[pos, slot]`."""
    numbers = choice.new_zeros(len(choice), experts + 1)
    inside = (choice >= 0) & (choice < experts)
    return numbers.scatter(1, choice.where(inside, experts), 1)[:, :experts].bool()


def _finite(rows: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """Those whose activations are numbers, and a word on each of the others."""
    sound, wrong = [], []
    for index, values, exists in rows:
        if np.isfinite(values).all():
            sound.append((index, values, exists))
        else:
            wrong.append(f"prompt {index}: its activations are not finite numbers")
    return sound, wrong
