"""Head scores: how much a head's attention pattern looks like a known kind of head.

In flow the attention pattern of one layer, `[head, query, key]`, and the token ids; out flows one
number between 0 and 1 per head: the attention that a query pays, on average, to the keys that the
kind of head is defined by. A score is a hint taken from one prompt, not a proof of a mechanism.

Definitions after Olsson et al. 2022, "In-context Learning and Induction Heads" (induction,
previous token; prefix matching there is measured on repeated random tokens), and Wang et al.
2022, "Interpretability in the Wild" (duplicate token). Attention to the first token is the
resting place of heads with nothing to do, and a reason to distrust the other scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class HeadScore:
    """Scores of the heads of one layer.

    Attributes:
        values: `[head]`, between 0 and 1, or nan where the prompt leaves the score undefined.
        reason: why the score is undefined; empty where it is defined.
    """

    values: torch.Tensor
    reason: str = ""


@dataclass(frozen=True)
class Score:
    """A kind of head: which keys of each query count, and when that is undefined."""

    keys: Callable[[torch.Tensor], torch.Tensor]
    undefined: str


def head_scores(name: str, pattern: torch.Tensor, ids: Sequence[int]) -> HeadScore:
    """The score `name` of every head of one layer.

    The score is the attention that falls on the keys that define the kind of head, summed per
    query and averaged over the queries that have such a key.

    Args:
        name: "induction", "previous_token", "duplicate_token" or "first_token".
        pattern: `[head, query, key]`, rows that add up to 1.
        ids: token ids of the prompt.
    """
    score = SCORES.get(name)
    if score is None:
        raise MechwidgetError(f"No head score is called {name!r}; there are {', '.join(SCORES)}.")
    n = len(ids)
    if pattern.ndim != 3 or pattern.shape[1:] != (n, n):
        raise MechwidgetError(
            f"A pattern is [head, query, key] over {n} tokens, not {list(pattern.shape)}."
        )
    keys = score.keys(torch.as_tensor(ids, device=pattern.device))
    queries = keys.any(-1)
    if not bool(queries.any()):
        return HeadScore(torch.full((len(pattern),), torch.nan, device="cpu"), score.undefined)
    attended = (pattern.float() * keys).sum(-1)[:, queries]
    return HeadScore(attended.mean(-1).cpu())


def _earlier_copies(ids: torch.Tensor) -> torch.Tensor:
    return (ids[:, None] == ids[None, :]).tril(-1)


def _after_earlier_copies(ids: torch.Tensor) -> torch.Tensor:
    shifted = torch.zeros(len(ids), len(ids), dtype=torch.bool, device=ids.device)
    shifted[:, 1:] = _earlier_copies(ids)[:, :-1]
    # In a run "A A" the token after the earlier copy is the query itself: no look back, no point.
    return shifted.tril(-1)


def _one_back(ids: torch.Tensor) -> torch.Tensor:
    return torch.eye(len(ids), dtype=torch.bool, device=ids.device).roll(-1, 1).tril(-1)


def _first(ids: torch.Tensor) -> torch.Tensor:
    keys = torch.zeros(len(ids), len(ids), dtype=torch.bool, device=ids.device)
    keys[1:, 0] = True
    return keys


_NO_REPEAT = "no token of this prompt occurs twice"
_TOO_SHORT = "the prompt has only one token"

SCORES: dict[str, Score] = {
    "induction": Score(
        _after_earlier_copies, f"{_NO_REPEAT} with another token after the first copy"
    ),
    "previous_token": Score(_one_back, _TOO_SHORT),
    "duplicate_token": Score(_earlier_copies, _NO_REPEAT),
    "first_token": Score(_first, _TOO_SHORT),
}
