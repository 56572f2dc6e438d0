"""Causal tracing (Meng et al. 2022, "Locating and Editing Factual Associations in GPT").

The subject's embeddings get noise of three times the standard deviation of embeddings; then a state
is restored to what it was without noise.

In: a model whose embeddings are what enters its first block but for positions. Out: probabilities
of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

import mechwidget as mw
from mechwidget.interventions import Intervention

Restore = Callable[[tuple[int, ...], int], Sequence[Intervention]]  # ids, the subject's last token


@dataclass(frozen=True)
class Trace:
    """Probabilities of an answer, means over draws of noise where there is noise."""

    clean: float
    corrupted: float
    restored: tuple[float, ...]

    @property
    def total_effect(self) -> float:
        return self.clean - self.corrupted

    @property
    def indirect_effects(self) -> tuple[float, ...]:
        return tuple(each - self.corrupted for each in self.restored)


def trace(
    model: mw.HookedModel,
    ids: tuple[int, ...],
    subject: Sequence[int],
    answer: int,
    restores: Sequence[Restore],
    *,
    noise: float,
    draws: int = 5,
) -> Trace:
    """Trace one fact.

    Args:
        model: whose.
        ids: the prompt.
        subject: the positions of its subject.
        answer: the token that follows.
        restores: what to restore, each alone.
        noise: the standard deviation of the noise, for each number of an embedding.
        draws: how often noise is drawn.
    """

    def chance(logits: torch.Tensor) -> float:
        return float(logits[0, -1].float().softmax(-1)[answer])

    generator = torch.Generator().manual_seed(0)
    totals = [0.0] * (1 + len(restores))
    for _ in range(draws):
        added = noise * torch.randn(len(subject), model.d_model, generator=generator)
        corrupt = [
            mw.Steer(mw.Residual(0, [position]), vector.tolist())
            for position, vector in zip(subject, added, strict=True)
        ]
        restored = [[*corrupt, *restore(ids, subject[-1])] for restore in restores]
        rows = model.run_rows(ids, [corrupt, *restored], positions=[-1])
        totals = [total + chance(row.logits) for total, row in zip(totals, rows, strict=True)]
    clean = chance(model.run(ids, positions=[-1]).logits)
    corrupted, *others = (total / draws for total in totals)
    return Trace(clean, corrupted, tuple(others))


def state(layer: int) -> Restore:
    """The stream after a layer, at the subject's last token."""
    return lambda ids, last: [mw.Patch(mw.Residual(layer, [last], "post"), ids)]


def window(part: type[mw.MLP | mw.Attention], layers: Sequence[int]) -> Restore:
    """What some layers' MLPs or attentions write there."""
    return lambda ids, last: [mw.Patch(part(layer, [last]), ids) for layer in layers]
