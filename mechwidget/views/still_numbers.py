"""The numbers of a snapshot that are not in the state: what a page would ask for when it is shown.

In: a session, the name of a view, and how long it may take. Out: plain JSON for
`mechwidget.still`, without what did not come in time. Most of it is remembered, so that the page,
which asks for the same a moment later, is answered at once. A view that has a table and no picture
of its own shows the first rows of its table.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import TYPE_CHECKING, Any

from mechwidget.interventions import Head
from mechwidget.session.patterns import sides_of
from mechwidget.views.deferred import Then
from mechwidget.views.table import Table
from mechwidget.views.tables import TABLES, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mechwidget.session import Session
    from mechwidget.session.state import State

Json = dict[str, Any]

_MOST_TOKENS = 256  # of a pattern or a lens: more is not quick, and no picture of a few kilobytes
_MOST_LAYERS = 16
_IN_THE_STATE = ("token-strip", "interventions", "outcome")

log = logging.getLogger(__name__)


def still_numbers(session: Session, view: str, seconds: float) -> Json:
    """What the snapshot of a view shows beside the state, read within so many seconds."""
    ends, revision = time.monotonic() + seconds, session.revision
    found: Json = {}
    try:
        for name, answer in _asked(session, view):
            value = _within(answer, max(0.0, ends - time.monotonic()))
            if value is not None:
                found[name] = value
    except Exception:
        log.debug("no numbers for the snapshot of %s", view, exc_info=True)
    return found if session.revision == revision else {}


def _within(answer: Then[Any] | None, seconds: float) -> Any:
    """The answer, or None where it does not come in time or there is none."""
    if answer is None:
        return None
    came = threading.Event()
    answer.add_done_callback(lambda _: came.set())
    try:
        in_time = came.wait(seconds)
    except KeyboardInterrupt:
        answer.cancel()
        raise
    if in_time:
        return answer.result()
    answer.cancel()
    return None


def _asked(session: Session, view: str) -> Iterator[tuple[str, Then[Any] | None]]:
    if view in ("attention", "workbench"):
        yield "pattern", _pattern(session)
    if view in ("head-map", "workbench"):
        yield "effects", _effects(session)
    elif view in _TABLES:
        options, made = _TABLES[view]
        yield view, _table(session, view, options(session), made)
    elif view in TABLES and view not in (*_IN_THE_STATE, "attention"):
        yield "table", _table(session, view, {}, lambda table: dict(table.columns))


def _table(
    session: Session, view: str, options: Json | None, made: Callable[[Table], Any]
) -> Then[Any] | None:
    """What is made of a table that comes at once or later; none where there are no options."""
    if options is None:
        return None
    table = table_of(session, view, options)
    return Then(_Ready(table) if isinstance(table, Table) else table, made)


class _Ready:
    """A result that is there already, where one that comes later is expected."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        callback(self)

    def result(self) -> Any:
        return self._value

    def cancel(self) -> None:
        """There is nothing to give up."""

    def done(self) -> bool:
        return True


# -- heads


def _effects(session: Session) -> Then[Json] | None:
    state, heads = session.now().state, _heads_of(session)
    if not any(heads):
        return None
    label = "KL from the baseline" if state.bound is None else f"change of {state.bound.label}"
    about = {
        "label": f"{label} when a head alone is zero-ablated",
        "unit": "nats" if state.bound is None else state.bound.unit,
    }

    def made(grid: Any) -> Json:
        rows = zip(heads, grid.tolist(), strict=True)
        return {**about, "values": [[_known(value) for value in row[:n]] for n, row in rows]}

    return Then(session.effects(), made)


def _pattern(session: Session) -> Then[Json] | None:
    state = session.now().state
    head = _looked_at(session, state)
    if head is None:
        return None
    queries, keys = sides_of(session.model, state.tokens, head.layer, cross=head.cross)
    if max(len(queries), len(keys)) > _MOST_TOKENS:
        return None

    def made(table: Table) -> Json:
        columns = table.columns
        matrices = {}
        for when in ("before", "after"):
            matrix = [[0.0] * len(keys) for _ in queries.texts]
            for query, key, share in zip(
                columns["query"], columns["key"], columns[when], strict=True
            ):
                matrix[query][key] = share
            matrices[when] = matrix
        return {
            "name": f"{'cross ' if head.cross else ''}{head.layer}.{head.head}",
            "queries": list(queries.texts),
            "keys": list(keys.texts),
            "before": matrices["before"],
            "after": matrices["after"] if state.active else None,
        }

    options = {"layer": head.layer, "head": head.head, "cross": head.cross}
    return _table(session, "attention", options, made)


def _looked_at(session: Session, state: State) -> Head | None:
    """The head that is selected; else the first that is edited; else the first that there is."""
    for target in (session.selection.component, *(each.target for each in state.active)):
        if isinstance(target, Head):
            return target
    first = next((layer for layer, n in enumerate(_heads_of(session)) if n), None)
    return None if first is None else Head(first, 0)


def _heads_of(session: Session) -> list[int]:
    return [session.model.n_heads(layer) for layer in range(session.model.n_layers)]


# -- tables


def _lens_options(session: Session) -> Json | None:
    """The streams after some of the layers, the last one included."""
    if len(session.now().state.tokens) > _MOST_TOKENS:
        return None
    layers = next(stack.layers for stack in session.model.stacks if stack.main)
    step = max(1, -(-len(layers) // _MOST_LAYERS))
    return {"layers": sorted(list(layers)[::-1][::step]), "sublayers": ("resid_post",)}


def _lens(table: Table) -> Json:
    columns = table.columns
    words: dict[int, list[tuple[str, float]]] = {}
    tokens: dict[int, str] = dict(zip(columns["position"], columns["token"], strict=True))
    for layer, text, share in zip(
        columns["layer"], columns["top"], columns["probability"], strict=True
    ):
        words.setdefault(layer, []).append((text, share))
    names = [f"after L{layer}" for layer in words]
    return {"names": names, "tokens": list(tokens.values()), "words": list(words.values())}


def _neurons(table: Table) -> Json:
    columns = table.columns
    order = sorted(range(len(table)), key=lambda row: -abs(columns["after"][row]))
    wanted = ("layer", "neuron", "position", "token", "before", "after")
    return {name: [columns[name][row] for row in order] for name in wanted}


def _continuation(table: Table) -> Json:
    sides = ("baseline", "edited")
    return {side: "".join(text or "" for text in table.columns[side]) for side in sides}


_TABLES: dict[str, tuple[Callable[[Session], Json | None], Callable[[Table], Json]]] = {
    "lens": (_lens_options, _lens),
    "neurons": (lambda _: {"k": 4}, _neurons),
    "continuation": (lambda _: {}, _continuation),
}


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
