"""The patching grid: what each activation of prompt B does when it stands in prompt A's run.

Activation patching, also called causal tracing or interchange intervention (Vig et al. 2020; Meng
et al. 2022; for what to patch and how to measure it, Heimersheim and Nanda 2024). Each cell is one
run of A in which one activation, at one position or a few, is what it was in B's run. The metric
is given as it came out, as the effect against A, and normalised: 0 as in A, 1 as in B.

In: two prompts, a metric and what to patch. Out: one `PatchingGrid` after another, filled further
each time, so that a map can be drawn while it is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from mechwidget.analysis.alignment import Alignment, align
from mechwidget.errors import CancelledError, InterventionError, SiteError, UnsupportedModelError
from mechwidget.interventions import MLP, Attention, Head, Patch, Residual
from mechwidget.models.prompts import from_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from mechwidget.analysis.metrics import BoundMetric, Metric
    from mechwidget.interventions import Component
    from mechwidget.models import HookedModel, Tokens
    from mechwidget.models.prompts import Prompt

PATCHED = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z")


@dataclass(frozen=True, slots=True, eq=False)
class PatchingGrid:
    """The grid as far as it is known; nan is "not known", or nothing there to patch.

    The grids of one call share their arrays: copy what has to stay as it is.

    Attributes:
        site: what is patched, one of `PATCHED`; "z" is head by head.
        layers: what each row is.
        columns: the positions of A that each column patches, counted from 0.
        metric: float64 `[layer, column]`, with "z" `[layer, head, column]`: the metric of the
            patched run, in its unit.
        effect: the same shape: metric - metric of the unpatched run of the same batch.
        normalised: the same shape: effect / (metric of B - metric of A); 0 is A, 1 is B. nan
            throughout where the two prompts have the same metric.
        metric_a: the metric of A's run.
        metric_b: the metric of B's run.
        alignment: which position of B is put where.
        done: cells known so far.
        total: cells in all.
    """

    site: str
    layers: tuple[int, ...]
    columns: tuple[tuple[int, ...], ...]
    metric: npt.NDArray[np.float64]
    effect: npt.NDArray[np.float64]
    normalised: npt.NDArray[np.float64]
    metric_a: float
    metric_b: float
    alignment: Alignment
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class _Cell:
    """One run: where its number goes, and what it patches."""

    index: tuple[int, ...]
    patch: Patch


def patching_grid(
    model: HookedModel,
    prompt: Prompt,
    source: Prompt,
    metric: Metric,
    *,
    site: str = "resid_pre",
    layers: Sequence[int] | None = None,
    columns: Sequence[int | Sequence[int]] | None = None,
    alignment: Alignment | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[PatchingGrid]:
    """Patch A's run (`prompt`) from B's (`source`), cell by cell; the last grid is complete.

    Args:
        model: which model.
        prompt: A, whose run is patched.
        source: B, whose activations are put into it.
        metric: what is read off; its position counts in A, and in B where the alignment puts it.
        site: a stream ("resid_pre", "resid_mid", "resid_post"), "attn_out", "mlp_out", or "z" for
            each head by itself.
        layers: the rows; None is all layers.
        columns: the positions of A to patch, one by one or, as a sequence, several at once; None
            is each position that has a counterpart in B.
        alignment: which position of B belongs to which of A; None is `align(A, B)`.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        UnsupportedModelError: the model reads pixels, sound, or two sequences.
        SiteError: there is no such site to patch, or not in this model.
        InterventionError: a column names a position without a counterpart in B.
        TokenError: the metric does not fit the prompts.
        CancelledError: `cancelled()` became true; what was yielded before stays valid.
    """
    if site not in PATCHED:
        raise SiteError(f"{site!r} cannot be patched as a grid; expected one of {PATCHED}.")
    a, b = model.tokenize(prompt), model.tokenize(source)
    if not a.ids or len(model.stacks) > 1:
        raise UnsupportedModelError(
            f"{model.name} reads more or other than one sequence of tokens: there is no grid of "
            "positions to patch between two prompts.",
            "mw.Patch patches single components.",
        )
    matched = align(a, b) if alignment is None else alignment
    wanted = tuple(range(model.n_layers) if layers is None else layers)
    spans = _spans(columns, matched, len(a))
    bound = metric.bind(model, len(a))
    grid = _start(model, (a, b), matched, (site, wanted, spans), (metric, bound), cancelled)
    if not grid.total:
        raise SiteError(f"{model.name} has no {site!r} to patch in these layers and columns.")
    for row in range(len(wanted)):
        for part in _batches(model, a, _cells(model, grid, b, row), bound):
            _run(model, a, part, bound, grid, cancelled)
            grid = replace(grid, done=grid.done + len(part))
            yield grid


def _start(
    model: HookedModel,
    prompts: tuple[Tokens, Tokens],
    alignment: Alignment,
    axes: tuple[str, tuple[int, ...], tuple[tuple[int, ...], ...]],
    metrics: tuple[Metric, BoundMetric],
    cancelled: Callable[[], bool] | None,
) -> PatchingGrid:
    """The grid before its first cell."""
    (a, b), (metric, bound), (site, layers, columns) = prompts, metrics, axes
    elsewhere = _bound_in_source(model, metric, bound, alignment, (len(a), len(b)))
    in_a, in_b = (
        measure(model.run(tokens, positions=[measure.position], cancelled=cancelled).logits[0, 0])
        for tokens, measure in ((a, bound), (b, elsewhere))
    )
    heads = max((model.n_heads(layer) for layer in layers), default=0)
    shape = (len(layers), *((heads,) if site == "z" else ()), len(columns))
    return PatchingGrid(
        site=site,
        layers=layers,
        columns=columns,
        metric=np.full(shape, np.nan),
        effect=np.full(shape, np.nan),
        normalised=np.full(shape, np.nan),
        metric_a=in_a,
        metric_b=in_b,
        alignment=alignment,
        done=0,
        total=len(columns) * sum(len(_components(model, site, layer)) for layer in layers),
    )


def _bound_in_source(
    model: HookedModel,
    metric: Metric,
    bound: BoundMetric,
    alignment: Alignment,
    lengths: tuple[int, int],
) -> BoundMetric:
    """The metric of B: at the end if it is read at A's end, else where A's position went."""
    if bound.position == lengths[0] - 1:
        there: int | None = lengths[1] - 1
    else:
        there = alignment.b_of_a[bound.position]
    if there is None:
        raise InterventionError(
            f"The metric is read at position {bound.position}, which has no counterpart in the "
            "source prompt.",
            "Read it at the last token, or at one that both prompts share.",
        )
    return replace(metric.bind(model, lengths[0]), position=there)


def _spans(
    columns: Sequence[int | Sequence[int]] | None, alignment: Alignment, n: int
) -> tuple[tuple[int, ...], ...]:
    if columns is None:
        return tuple((here,) for here, _ in alignment.pairs)
    spans = []
    for column in columns:
        some = [column] if isinstance(column, int) else list(column)
        span = tuple(sorted(set(from_start(some, n))))
        lost = [position for position in span if alignment.b_of_a[position] is None]
        if lost:
            raise InterventionError(
                f"Position {lost[0]} has no counterpart in the source prompt.",
                "Choose positions that both prompts have, or give an alignment.",
            )
        spans.append(span)
    return tuple(spans)


def _cells(model: HookedModel, grid: PatchingGrid, source: Tokens, row: int) -> list[_Cell]:
    """The cells of one layer: a grid over a long prompt has too many to hold at once."""
    cells = []
    for index, component in _components(model, grid.site, grid.layers[row]):
        for column, span in enumerate(grid.columns):
            pairs = tuple((p, cast("int", grid.alignment.b_of_a[p])) for p in span)
            cells.append(_Cell((row, *index, column), Patch(component, source.ids, pairs)))
    return cells


def _components(
    model: HookedModel, site: str, layer: int
) -> Sequence[tuple[tuple[int, ...], Component]]:
    if site == "z":
        return [((head,), Head(layer, head)) for head in range(model.n_heads(layer))]
    if site == "attn_out":
        return [((), Attention(layer))] if model.has_attention(layer) else []
    if site == "mlp_out":
        return [((), MLP(layer))] if model.has_mlp(layer) else []
    model.n_heads(layer)  # raises for a layer that does not exist
    stream = Residual(layer, end=site.removeprefix("resid_"))
    return [((), stream)] if stream.site in model.sites else []


def _batches(
    model: HookedModel, tokens: Tokens, cells: Sequence[_Cell], bound: BoundMetric
) -> Iterator[list[_Cell]]:
    if cells:
        variants = [[cell.patch] for cell in cells]
        for group in model.row_groups(tokens, variants, [bound.position]):
            yield [cells[index] for index in group]


def _run(
    model: HookedModel,
    tokens: Tokens,
    cells: Sequence[_Cell],
    bound: BoundMetric,
    grid: PatchingGrid,
    cancelled: Callable[[], bool] | None,
) -> None:
    """Run some cells as rows of one batch and write their numbers into the grid."""
    if cancelled is not None and cancelled():
        raise CancelledError("The patching grid was cancelled.")
    variants = [[cell.patch] for cell in cells]
    rows = model.run_rows(tokens, variants, positions=[bound.position], cancelled=cancelled)
    apart = grid.metric_b - grid.metric_a
    for k, cell in enumerate(cells):
        value, unpatched = bound(rows[k].logits[0, 0]), bound(rows.baseline(k).logits[0, 0])
        grid.metric[cell.index] = value
        grid.effect[cell.index] = value - unpatched
        grid.normalised[cell.index] = (value - unpatched) / apart if apart else np.nan
