"""The table of the attribution view: a row per part, without the edits and with them.

In: a session and a method. Out: a table, once the numbers are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.errors import MechwidgetError
from mechwidget.interventions.fields import integer
from mechwidget.views.deferred import Then
from mechwidget.views.ops.attribution import (
    MOST_NEURONS,
    attribution_of,
    neurons_of,
    top_neurons,
)
from mechwidget.views.ops.attribution_kin import METHODS, Gradients, bytes_of_step
from mechwidget.views.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.analysis import Attribution
    from mechwidget.analysis.attribution_path import IntegratedGradient, PathTerms
    from mechwidget.session import Session

Row = tuple[str, int | None, int | None, float, float]
Runs = tuple[Any, Any]


def attribution_table(
    session: Session,
    *,
    method: str = "direct",
    of: str = "components",
    steps: int = 32,
    neurons: int = 0,
) -> Then[Table]:
    """Parts, layers and indices, with their logits before the edits, after them, and the change.

    Args:
        session: whose.
        method: "direct", "gradient" (activation times gradient) or "integrated" (gradients).
        of: "components" or, of gradients, "tokens".
        steps: of the integral.
        neurons: of direct terms: how many neurons of each layer to list besides their MLP.
    """
    if method not in ("direct", *METHODS):
        raise MechwidgetError(f"method is {method!r}; expected direct, {', '.join(METHODS)}.")
    if of not in ("components", "tokens"):
        raise MechwidgetError(f"of is {of!r}; expected components or tokens.")
    if method == "direct":
        return _direct(session, integer(neurons, "neurons"))
    job = Gradients(session, method, of, integer(steps, "steps"))  # type: ignore[arg-type]
    texts = session.now().state.tokens.texts

    def table(found: list[Any]) -> Table:
        runs = job.runs(found)
        rows = _of_tokens(runs) if of == "tokens" else _of_layers(runs)
        about = {"unit": "logits", "note": _note(runs)}
        made = _table(rows, about)
        if of != "tokens":
            return made
        named = {"token": [texts[row[2] or 0] for row in rows], **made.columns}
        return Table(named, made.about)

    return Then(session.read_each(job.questions, bytes_of_step, lambda _: None), table)


def _direct(session: Session, neurons: int) -> Then[Table]:
    if not 0 <= neurons <= MOST_NEURONS:
        raise MechwidgetError(f"neurons is {neurons}; expected 0 to {MOST_NEURONS}.")
    first = attribution_of(session)
    model = session.model
    layers = [layer for layer in range(model.n_layers) if model.n_neurons(layer)]
    second = neurons_of(session, layers) if neurons and layers else None

    def table(found: Attribution) -> Table:
        rows = _terms(found)
        for layer in layers if second is not None else ():
            sides = second.result()  # type: ignore[union-attr]
            if layer in sides[0].values:
                top = top_neurons(sides, layer, neurons, "value")
                rows += [("neuron", layer, int(i), old, new) for i, old, new in top]
        about = {"unit": "logits", "target": found.label, "why": found.target.reason}
        return _table(rows, {**about, "note": found.baseline.note})

    return Then(first if second is None else _Both(second, first), table)


class _Both:
    """The result of the second of two jobs, once both are done; they are done in that order."""

    def __init__(self, before: Any, last: Any) -> None:
        self._before, self._last = before, last

    def add_done_callback(self, callback: Any, /) -> None:
        """Call it once both are done."""
        self._before.add_done_callback(lambda _: self._last.add_done_callback(callback))

    def result(self) -> Any:
        """The second one's; raises what went wrong in either."""
        self._before.result()
        return self._last.result()

    def cancel(self) -> None:
        """Neither is wanted any more."""
        self._before.cancel()
        self._last.cancel()

    def done(self) -> bool:
        """Whether both are."""
        return bool(self._before.done() and self._last.done())


def _terms(found: Attribution) -> list[Row]:
    """Embeddings, the parts of each layer, biases; what is not there has no row."""
    runs = (found.baseline, found.edited or found.baseline)
    names = ("token", "position") if np.isfinite(found.baseline.token) else ("embed",)
    rows = [
        _row(f"{name} embedding".replace("embed ", ""), None, None, runs, name) for name in names
    ]
    for layer in range(len(found.baseline.mlp)):
        rows += [
            _made("head", layer, head, [run.heads[layer, head] for run in runs])
            for head in range(found.baseline.heads.shape[1])
        ]
        rows += _wholes(layer, runs)
    rows += [_row(name, None, None, runs, name.replace(" ", "_")) for name in _BIASES]
    return [row for row in rows if np.isfinite(row[3:]).any()]


_BIASES = ("norm bias", "unembed bias")


def _wholes(layer: int, runs: Runs) -> list[Row]:
    def of(name: str, kind: str) -> Row:
        return _made(kind, layer, None, [getattr(run, name)[layer] for run in runs])

    heads = np.isfinite(runs[0].heads[layer]).any()
    attention = of("attention_bias", "attention bias") if heads else of("attention", "attention")
    return [attention, of("mlp", "mlp"), of("rest", "other writes")]


def _row(kind: str, layer: int | None, index: int | None, runs: Runs, name: str) -> Row:
    return _made(kind, layer, index, [getattr(run, name) for run in runs])


def _made(kind: str, layer: int | None, index: int | None, values: Sequence[Any]) -> Row:
    before, after = map(float, values)
    return kind, layer, index, before, after


def _of_layers(runs: list[IntegratedGradient]) -> list[Row]:
    sides: tuple[PathTerms, PathTerms] = (runs[0].terms, runs[-1].terms)
    rows: list[Row] = []
    for layer in range(len(sides[0].mlp)):
        heads = [np.nansum(side.heads[layer], -1) for side in sides]
        known = np.isfinite(sides[0].heads[layer]).any(-1)
        rows += [
            ("head", layer, int(head), float(heads[0][head]), float(heads[1][head]))
            for head in np.flatnonzero(known)
        ]
        for kind in ("attention", "mlp"):
            along = [getattr(side, kind)[layer] for side in sides]
            if np.isfinite(along[0]).any() and (kind == "mlp" or not known.any()):
                rows.append(_made(kind, layer, None, [np.nansum(each) for each in along]))
    return rows


def _of_tokens(runs: list[IntegratedGradient]) -> list[Row]:
    sides = (runs[0].terms.tokens, runs[-1].terms.tokens)
    return [
        ("token", None, at, float(old), float(new))
        for at, (old, new) in enumerate(zip(*sides, strict=True))
    ]


def _note(runs: list[IntegratedGradient]) -> str:
    gaps = [run.gap for run in runs if np.isfinite(run.gap)]
    return f"off by {max(gaps, key=abs):.2g} over {runs[0].steps} steps" if gaps else ""


def _table(rows: list[Row], about: dict[str, str]) -> Table:
    kind, layer, index, before, after = zip(*rows, strict=True) if rows else ((),) * 5
    change = [new - old for old, new in zip(before, after, strict=True)]
    columns = {"part": kind, "layer": layer, "index": index}
    numbers = {"baseline": before, "edited": after, "change": change}
    return Table({**columns, **numbers}, {key: value for key, value in about.items() if value})
