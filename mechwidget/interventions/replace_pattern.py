"""Replacing a pattern: one head attends where it is told to.

The head's rows of the pattern `[query, key]`, after the softmax, become the given ones; values,
the other heads and the queries that are not named stay. Given by name, every row sums to 1 and
looks at nothing that comes later:

- "first": each query attends to the first token.
- "previous": to the token before it (the first one to itself).
- "self": to itself.
- "uniform": equally to itself and everything before it.

A head that attends to another stack has no token of its own among the keys: "first" is then the
encoder's first position, "uniform" is all of them alike, and the other two mean nothing.

Or given as a matrix with a row per token and a number per key (of the other stack, where the head
attends to one), used as it is; in a generation it is about the prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError
from mechwidget.interventions.component import count
from mechwidget.interventions.components import Head, check_pattern
from mechwidget.interventions.fields import finite_numbers, one_of, short
from mechwidget.interventions.intervention import Intervention, require_component
from mechwidget.models.edit import Edit
from mechwidget.models.sites import Site, crossing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.window import Window

NAMED = ("first", "previous", "self", "uniform")
ACROSS = ("first", "uniform")  # of them, those that mean something for the keys of another stack
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
    component: Head
    pattern: str | Matrix

    def __post_init__(self) -> None:
        require_component(self.component, "ReplacePattern", (Head,))
        object.__setattr__(self, "pattern", _pattern(self.pattern, cross=self.component.cross))

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        named = isinstance(self.pattern, str)
        what = f"“{self.pattern}”" if named else f"{len(self.pattern)} given rows"
        return f"Replace the pattern of {self.component} by {what}"

    @property
    def prompt_only(self) -> bool:
        """A matrix has rows for the prompt's queries; a name has one for any query."""
        return not isinstance(self.pattern, str)

    def edits_at(self, model: HookedModel, window: Window) -> Sequence[Edit]:
        """One edit of the layer's pattern, for the queries in the window."""
        if self.prompt_only:
            return self.edits(model, len(window))
        site = self._checked_site(model)
        here = self.component.inside(window)
        if here is None:
            return ()
        return (Edit(site, partial(_replaced, self, here.rows(len(window)), window.start)),)

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """One edit of the layer's pattern."""
        site, rows = self._checked_site(model), self.component.rows(n_positions)
        n = len(self.pattern)
        if not isinstance(self.pattern, str) and n != n_positions:
            raise InterventionError(
                f"The given pattern is for {n} tokens; the prompt has {n_positions}."
            )
        return (Edit(site, partial(_replaced, self, rows, 0)),)

    def _checked_site(self, model: HookedModel) -> Site:
        """The site of the pattern, which `model` has."""
        head = self.component
        check_pattern(head, head.head, model, cross=head.cross)
        return Site(crossing("pattern", cross=head.cross), head.layer)


def _replaced(
    replace: ReplacePattern, rows: list[int] | None, start: int, pattern: torch.Tensor
) -> torch.Tensor:
    """The pattern `[batch, head, query, key]`, whose first query is position `start`."""
    edited = pattern.clone()
    rows = list(range(pattern.shape[-2])) if rows is None else rows
    queries, keys = [start + row for row in rows], pattern.shape[-1]
    if isinstance(replace.pattern, str):
        given = _named(replace, queries, keys)
    else:
        given = [replace.pattern[query] for query in queries]
        if len(given[0]) != keys:  # only where they are another stack's: else it is square
            raise InterventionError(
                f"The given pattern has rows of {count(len(given[0]), 'key')}; the stack that is "
                f"attended to reads {count(keys, 'position')}."
            )
    edited[:, replace.component.head, rows] = pattern.new_tensor(given)
    return edited


def _named(replace: ReplacePattern, queries: Sequence[int], keys: int) -> list[Sequence[float]]:
    """The rows of these queries, over so many keys, of a pattern that has a name."""
    if replace.pattern == "uniform":
        seen = [keys if replace.component.cross else query + 1 for query in queries]
        return [[1 / n if key < n else 0.0 for key in range(keys)] for n in seen]
    back = {"first": None, "previous": 1, "self": 0}[str(replace.pattern)]
    found = [0 if back is None else max(query - back, 0) for query in queries]
    return [[float(key == only) for key in range(keys)] for only in found]


def _pattern(value: Any, *, cross: bool) -> str | Matrix:
    named = ACROSS if cross else NAMED
    if isinstance(value, str):
        return one_of(value, "The pattern", named)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= LARGEST:
        raise InterventionError(
            f"The pattern is {short(value)}; expected {', '.join(map(repr, named))} or a list of "
            f"at most {LARGEST:,} rows."
        )
    rows = tuple(finite_numbers(row, "a row of the pattern") for row in value)
    wide = len(rows[0]) if cross else len(rows)
    if any(len(row) != wide for row in rows):
        raise InterventionError(
            f"The pattern has {len(rows)} rows; expected as many numbers in each of them."
        )
    return rows
