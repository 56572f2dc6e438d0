"""What a page fetches to draw the lens: what the stream says, one cell of it, how far a patch goes.

In flow the arguments of a request: which prompt, which rows, which positions, which measure. Out
flow the likeliest tokens as a table of distinct texts, and one frame for each measure that is asked
for, at the positions that are on show and no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.analysis import LogitDiff, logit_lens
from mechwidget.errors import MechwidgetError
from mechwidget.models import Site
from mechwidget.views.deferred import Then
from mechwidget.views.lens_cell import CellReading, cell_json, read_cell
from mechwidget.views.lens_rows import asked_rows, cones_json, row_json
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.analysis import LogitLens
    from mechwidget.models import Tokens
    from mechwidget.session import Session
    from mechwidget.session.state import State

MEASURES = (
    *("probability", "entropy", "kl", "final_probability", "final_rank"),
    *("answer_probability", "answer_rank", "logit_diff"),
)
MOST_POSITIONS = 64  # in one answer
MOST_CHARACTERS = 200  # of a token's text
_EXACT_IN_HALF = 2048
_MOST_TOKENS = 50  # of one cell

Answer = tuple[dict[str, Any], *tuple[Frame, ...]]


class Lens:
    """The ops that read the residual stream of one session through its last steps."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.lens, self.lens_cell, self.lens_cones):
            channel.on(op.__name__, op)

    def lens(self, args: Arguments, _: Request) -> Then[Answer]:
        """What some rows say at some positions: tokens, their probability, and one measure."""
        args.only("of", "edited", "sublayers", "every", "first", "count", "measure")
        state, rows = self._session.snapshot().state, asked_rows(self._session.model, args)
        of, edited = args.choice("of", "a", "b"), args.boolean("edited")
        measure = args.choice("measure", *MEASURES)
        followed = _followed(state, measure)
        n = len(_prompt(state, of))
        first = args.integer("first", 0, n - 1)
        positions = tuple(range(first, min(n, first + args.integer("count", 1, MOST_POSITIONS))))

        def work(state: State, cancelled: Callable[[], bool]) -> list[LogitLens]:
            prompt, active = _prompt(state, of), state.active if edited and of == "a" else ()
            return [
                logit_lens(
                    self._session.model,
                    prompt,
                    active,
                    positions=positions,
                    layers=layers,
                    sublayers=names,
                    chosen=followed,
                    k=1,
                    cancelled=cancelled,
                )
                for layers, names in _asked_of(rows)
            ]

        def answer(parts: list[LogitLens]) -> Answer:
            about = {
                "rows": [row_json(site) for site in rows],
                "first": first,
                "vocabulary": self._session.model.vocab_size,
            }
            return _tokens_and_measure(parts, measure, about, self._session.model.token_text)

        key = ("lens", of, edited, rows, positions, followed)
        return Then(self._session.read(key, work, _bytes_of), answer)

    def lens_cell(self, args: Arguments, _: Request) -> Then[dict[str, Any]]:
        """One cell: its likeliest tokens, before the edits too, and what wrote them there."""
        args.only("of", "edited", "layer", "end", "position", "k", "toward")
        session, model = self._session, self._session.model
        state = session.snapshot().state
        of, edited = args.choice("of", "a", "b"), args.boolean("edited")
        end, layer = (
            args.choice("end", "pre", "mid", "post"),
            args.integer("layer", 0, model.n_layers - 1),
        )
        position = args.integer("position", 0, len(_prompt(state, of)) - 1)
        toward, k = args.choice("toward", "top", "answer"), args.integer("k", 1, _MOST_TOKENS)
        if toward == "answer" and not isinstance(state.metric, LogitDiff):
            raise MechwidgetError(
                "There is no answer and distractor to attribute to.", "Choose both tokens first."
            )
        site = Site(f"resid_{end}", layer)

        def work(state: State, cancelled: Callable[[], bool]) -> CellReading:
            active = state.active if edited and of == "a" else ()
            tokens, followed = _prompt(state, of), _answers(state)
            metric = state.metric if toward == "answer" else None
            place = (site, position)
            return read_cell(model, tokens, active, place, k, followed, metric, cancelled)

        def answer(reading: CellReading) -> dict[str, Any]:
            return {
                **row_json(site),
                "position": position,
                **cell_json(reading, lambda token: _text(model.token_text, token)),
            }

        key = ("lens_cell", of, edited, site, position, toward, k)
        return Then(session.read(key, work, lambda _: 1 << 14), answer)

    def lens_cones(self, args: Arguments, _: Request) -> dict[str, Any]:
        """How far a change of each row can reach; it depends on the model alone."""
        rows = asked_rows(self._session.model, args.only("sublayers", "every"))
        return {
            "rows": [row_json(site) for site in rows],
            "cones": cones_json(self._session.model, rows),
        }


def _prompt(state: State, of: str) -> Tokens:
    if of == "a":
        return state.tokens
    if state.other is None:
        raise MechwidgetError("There is no prompt B to read.", "Give one with “+ B”.")
    return state.other


def _answers(state: State) -> tuple[int, ...]:
    return () if state.bound is None else state.bound.tokens


def _followed(state: State, measure: str) -> tuple[int, ...]:
    """The answer tokens, where the measure can be had."""
    tokens = _answers(state)
    if measure in ("answer_probability", "answer_rank") and not tokens:
        raise MechwidgetError("There is no answer token to follow.", "Choose one first.")
    if measure == "logit_diff" and len(tokens) != 2:
        raise MechwidgetError(
            "A logit difference needs an answer and a distractor.", "Choose both tokens first."
        )
    return tokens


def _asked_of(rows: Sequence[Site]) -> list[tuple[list[int], tuple[str, ...]]]:
    """Rows as layers and sublayers: the first, and all others."""
    first, *rest = rows
    layers = sorted({site.layer for site in rest if site.layer is not None})
    names = tuple(dict.fromkeys(site.name for site in rest))
    asked: list[tuple[list[int], tuple[str, ...]]] = [([first.layer or 0], (first.name,))]
    return [*asked, (layers, names)] if rest else asked


def _bytes_of(parts: list[LogitLens]) -> int:
    # Nine arrays beside what is followed, of at most 8 bytes.
    return sum(lens.entropy.size * (9 + 3 * len(lens.chosen)) * 8 for lens in parts)


def _tokens_and_measure(
    parts: list[LogitLens],
    measure: str,
    about: dict[str, Any],
    token_text: Callable[[int], str],
) -> Answer:
    top = np.concatenate([lens.top_ids[..., 0] for lens in parts])
    ids, index = np.unique(top, return_inverse=True)
    texts = [_text(token_text, int(token)) for token in ids]
    table = index.reshape(top.shape)
    frames = [
        encode(table, "f16" if len(ids) <= _EXACT_IN_HALF else "f32"),
        encode(_values(parts, "probability"), "f16"),
    ]
    if measure != "probability":
        # Ranks are whole numbers that a person reads: none is rounded.
        frames.append(encode(_values(parts, measure), "f32" if "rank" in measure else "f16"))
    return ({**about, "measure": measure, "ids": ids.tolist(), "texts": texts}, *frames)


def _values(parts: list[LogitLens], measure: str) -> npt.NDArray[np.float32]:
    """The numbers `[row, position]` of a measure."""
    read: dict[str, Callable[[LogitLens], npt.NDArray[Any]]] = {
        "probability": lambda lens: lens.top_probabilities[..., 0],
        "entropy": lambda lens: lens.entropy,
        "kl": lambda lens: lens.kl,
        "final_probability": lambda lens: lens.final_probabilities,
        "final_rank": lambda lens: lens.final_ranks,
        "answer_probability": lambda lens: lens.chosen_probabilities[..., 0],
        "answer_rank": lambda lens: lens.chosen_ranks[..., 0],
        "logit_diff": lambda lens: lens.chosen_logits[..., 0] - lens.chosen_logits[..., 1],
    }
    return np.concatenate([read[measure](lens) for lens in parts]).astype(np.float32)


def _text(token_text: Callable[[int], str], token: int) -> str:
    text = token_text(token)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
