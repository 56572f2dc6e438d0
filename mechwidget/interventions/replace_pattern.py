"""Replacing a pattern: one head attends where it is told to.

The head's rows of the pattern `[query, key]`, after the softmax, become the given ones; values,
the other heads and the queries that are not named stay. Given by name, every row sums to 1 and
looks at nothing that comes later:

- "first": each query attends to the first token.
- "previous": to the token before it (the first one to itself).
- "self": to itself.
- "uniform": equally to itself and everything before it.

Or given as a matrix with a row per token and a number per key, used as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError
from mechwidget.interventions.components import Head, check_pattern
from mechwidget.interventions.fields import finite_numbers, one_of, short
from mechwidget.interventions.intervention import Intervention, require_component
from mechwidget.models.edit import Edit
from mechwidget.models.sites import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.interventions.component import Component
    from mechwidget.models.hooked_model import HookedModel

NAMED = ("first", "previous", "self", "uniform")
LARGEST = 2048
Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class ReplacePattern(Intervention):
    """Make a head attend elsewhere, e.g. `mw.ReplacePattern(mw.Head(1, 2), "previous")`.

    Attributes:
        component: the `Head`; its positions are the queries whose rows are replaced.
        pattern: "first", "previous", "self", "uniform", or rows `[query][key]`.
    """

    kind = "replace_pattern"
    component: Component
    pattern: str | Matrix

    def __post_init__(self) -> None:
        require_component(self.component, "ReplacePattern", (Head,))
        object.__setattr__(self, "pattern", _pattern(self.pattern))

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        named = isinstance(self.pattern, str)
        what = f"“{self.pattern}”" if named else f"{len(self.pattern)} given rows"
        return f"Replace the pattern of {self.component} by {what}"

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """One edit of the layer's pattern."""
        check_pattern(self.component, self.component.unit or 0, model)
        rows = self.component.rows(n_positions)
        n = len(self.pattern)
        if not isinstance(self.pattern, str) and n != n_positions:
            raise InterventionError(
                f"The given pattern is for {n} tokens; the prompt has {n_positions}."
            )
        apply = partial(_replaced, self, rows)
        return (Edit(Site("pattern", self.component.layer), apply),)


def _replaced(
    replace: ReplacePattern, rows: list[int] | None, pattern: torch.Tensor
) -> torch.Tensor:
    edited = pattern.clone()
    n = pattern.shape[-1]
    given = _named(replace.pattern, n) if isinstance(replace.pattern, str) else replace.pattern
    matrix = pattern.new_tensor(given)
    unit = replace.component.unit
    if rows is None:
        edited[:, unit] = matrix
    else:
        edited[:, unit, rows] = matrix[rows]
    return edited


def _named(name: str, n: int) -> list[list[float]]:
    """The rows `[query][key]` of a pattern that has a name."""
    if name == "uniform":
        return [[1 / (q + 1) if key <= q else 0.0 for key in range(n)] for q in range(n)]
    back = {"first": n, "previous": 1, "self": 0}[name]
    return [[float(key == max(q - back, 0)) for key in range(n)] for q in range(n)]


def _pattern(value: Any) -> str | Matrix:
    if isinstance(value, str):
        return one_of(value, "The pattern", NAMED)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= LARGEST:
        raise InterventionError(
            f"The pattern is {short(value)}; expected {', '.join(map(repr, NAMED))} or a list of "
            f"at most {LARGEST:,} rows."
        )
    rows = tuple(finite_numbers(row, "a row of the pattern") for row in value)
    if any(len(row) != len(rows) for row in rows):
        raise InterventionError(
            f"The pattern has {len(rows)} rows; expected as many numbers in each of them."
        )
    return rows
