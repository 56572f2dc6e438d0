"""Sampling: which token follows, from the logits of the last position.

One uniform number is drawn per position and turned into a token through the cumulative
distribution. A baseline and its edited row share that number, so that where their distributions
agree their tokens do too.

In: logits, temperature, top_p and a seed. Out: token ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import torch

from mechwidget.errors import InterventionError


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen.

    Attributes:
        temperature: what logits are divided by; 0 takes the most likely token.
        top_p: only the fewest most likely tokens whose probabilities reach this sum are drawn from.
        seed: the same seed gives the same tokens.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not _is_number(self.temperature) or self.temperature < 0:
            raise InterventionError(
                f"temperature is {self.temperature!r}; expected a number from 0 up.",
                "0 takes the most likely token, 1 samples from the model's own distribution.",
            )
        if not _is_number(self.top_p) or not 0 < self.top_p <= 1:
            raise InterventionError(f"top_p is {self.top_p!r}; expected more than 0, at most 1.")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise InterventionError(f"seed is {self.seed!r}; expected a whole number.")

    def draws(self) -> Draws:
        """The uniform numbers of one generation, from the start."""
        return Draws(self.seed)

    def choose(self, logits: torch.Tensor, uniform: float) -> int:
        """The token that `uniform`, between 0 and 1, picks from `logits[vocab]`."""
        if self.temperature == 0:
            return int(logits.float().argmax())
        shares = self.distribution(logits).cumsum(0)
        found = torch.searchsorted(shares, uniform * shares[-1], right=True)
        return min(int(found), int((shares < shares[-1]).sum()))

    def distribution(self, logits: torch.Tensor) -> torch.Tensor:
        """The probabilities `[vocab]` that tokens are drawn with, in float64 on the CPU."""
        scores = logits.detach().cpu().double()
        shares = ((scores - scores.max()) / self.temperature).softmax(-1)
        if self.top_p < 1:
            ordered, order = shares.sort(descending=True, stable=True)
            before = ordered.cumsum(0) - ordered
            shares = shares.index_fill(0, order[before >= self.top_p], 0.0)
        return shares / shares.sum()


class Draws:
    """Uniform numbers between 0 and 1, the same for the same seed on every device."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def next(self) -> float:
        """The next one."""
        return float(torch.rand((), generator=self._generator, dtype=torch.float64, device="cpu"))


def probability(logits: torch.Tensor, token: int) -> float:
    """The model's own probability of a token, however it was chosen; nan where there is none."""
    scores = logits.detach().float()
    return float((scores[token] - scores.logsumexp(-1)).exp())


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
