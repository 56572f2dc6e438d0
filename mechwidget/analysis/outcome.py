"""The outcome: what interventions did to the next-token distribution at one position.

In flow the logits `[vocab]` of the baseline and of the edited run; out flow the tokens that
matter in either, with probability, logit and rank before and after, the KL divergence, and the
entropy of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.analysis.metrics import Vocabulary


@dataclass(frozen=True, slots=True)
class TokenChange:
    """One token of the outcome. `before` and `after` are probabilities; rank 1 is the likeliest."""

    id: int
    text: str
    before: float
    after: float
    logit_before: float
    logit_after: float
    rank_before: int
    rank_after: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What changed at one position.

    Attributes:
        top: the tokens that are likeliest before or after, in the order of the baseline, so that
            rows keep their place while heads are switched off and on.
        kl: KL(baseline ‖ edited) in nats, 0 when nothing changed.
        entropy: of the baseline's distribution and of the edited one, in nats.
    """

    top: tuple[TokenChange, ...]
    kl: float
    entropy: tuple[float, float]


def outcome(
    baseline_logits: torch.Tensor,
    edited_logits: torch.Tensor,
    model: Vocabulary,
    k: int = 8,
    include: Sequence[int] = (),
) -> Outcome:
    """Compare two next-token distributions, each given as `logits[vocab]`.

    Listed are the likeliest before and the likeliest after, half of `k` each, and then those that
    reach the highest probability in either, until there are `k`. Tokens in `include` (those of a
    metric) always are, tokens that the model masks with -inf never.
    """
    before, after = _double(baseline_logits), _double(edited_logits)
    log_before, log_after = before.log_softmax(-1), after.log_softmax(-1)
    p_before, p_after = log_before.exp(), log_after.exp()
    peak = torch.maximum(p_before, p_after)
    tokens = _chosen(before, after, peak, k, include)
    chosen = torch.tensor(tokens, dtype=torch.long, device=before.device)
    columns = (
        chosen.tolist(),
        p_before[chosen].tolist(),
        p_after[chosen].tolist(),
        before[chosen].tolist(),
        after[chosen].tolist(),
        _ranks(before, chosen),
        _ranks(after, chosen),
    )
    rows = zip(*columns, strict=True)
    top = (TokenChange(row[0], model.token_text(row[0]), *row[1:]) for row in rows)
    entropy = _entropy(p_before, log_before), _entropy(p_after, log_after)
    return Outcome(tuple(top), _kl(p_before, log_before, log_after), entropy)


def kl_nats(baseline_logits: torch.Tensor, edited_logits: torch.Tensor) -> float:
    """KL(baseline ‖ edited) in nats between two next-token distributions `logits[vocab]`."""
    log_before = _double(baseline_logits).log_softmax(-1)
    return _kl(log_before.exp(), log_before, _double(edited_logits).log_softmax(-1))


def _double(logits: torch.Tensor) -> torch.Tensor:
    # On the CPU in double: KL is a small difference of large numbers, and MPS has no doubles.
    return logits.detach().cpu().double()


def _kl(p: torch.Tensor, log_p: torch.Tensor, log_q: torch.Tensor) -> float:
    # A token that the model masks with -inf has p = 0 and adds nothing (0 · log 0 = 0).
    terms = torch.where(p > 0, p * (log_p - log_q), torch.zeros_like(p))
    total = float(terms.sum())
    return 0.0 if total < 0 else total  # rounding goes below 0; nan must stay nan


def _entropy(p: torch.Tensor, log_p: torch.Tensor) -> float:
    return max(0.0, -float(torch.where(p > 0, p * log_p, torch.zeros_like(p)).sum()))


def _chosen(
    before: torch.Tensor, after: torch.Tensor, peak: torch.Tensor, k: int, include: Sequence[int]
) -> list[int]:
    tops = [logits.topk(min(k, logits.numel())).indices.tolist() for logits in (before, after)]
    half = max(1, k // 2)
    chosen = {*tops[0][:half], *tops[1][:half], *include}
    rest = sorted({*tops[0], *tops[1]} - chosen, key=lambda token: -float(peak[token]))
    while rest and len(chosen) < k:
        chosen.add(rest.pop(0))
    unmasked = {token for token in chosen if float(peak[token]) > 0} | {*include}
    return sorted(unmasked, key=lambda token: (-float(before[token]), token))


def _ranks(logits: torch.Tensor, chosen: torch.Tensor) -> list[int]:
    # Counting the larger ones is linear; sorting 250,000 tokens twice per click is not.
    return [int(torch.count_nonzero(logits > logits[t])) + 1 for t in chosen]
