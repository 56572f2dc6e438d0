"""What the attribution view fetches on demand: gradients times what they are of, and exact effects.

In flow the arguments of a request. Out flow sums over the tokens of each part, or a number for each
input token, without edits and with them; and what the metric loses by each of some ablations, as
they are measured, part after part, so that clicks and other fetches go in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from mechwidget.analysis import attribution_target
from mechwidget.analysis.attribution_path import (
    EMBED,
    MOST_STEPS,
    AttributionPath,
    IntegratedGradient,
    Moved,
    PathTerms,
    start_embedding,
)
from mechwidget.analysis.exact_effects import effects_of_group
from mechwidget.errors import ProtocolError
from mechwidget.interventions import Ablate, component_from_json
from mechwidget.views.deferred import Then
from mechwidget.views.ops.attribution import target_json
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.analysis import AttributionTarget
    from mechwidget.models import Intervention
    from mechwidget.session import Session
    from mechwidget.session.reads import Question
    from mechwidget.session.state import State

Method = Literal["gradient", "integrated"]
METHODS: tuple[Method, ...] = ("gradient", "integrated")
MOST_CELLS = 64

Answer = tuple[dict[str, Any], Frame]
Step = tuple["AttributionTarget", "PathTerms | float"]
_CELLS_AT_ONCE = 8  # before others may go first


class AttributionKin:
    """The ops that run the model many times for an attribution of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.attribution_gradient, self.attribution_exact):
            channel.on(op.__name__, op)

    def attribution_gradient(self, args: Arguments, request: Request) -> Then[Answer]:
        """By part, `[run, layer, (head …, attention, MLP)]`, or by token, `[run, pos]`."""
        args.only("method", "of", "steps")
        method = cast("Method", args.choice("method", *METHODS))
        of = args.choice("of", "components", "tokens")
        steps = args.integer("steps", 1, MOST_STEPS)
        job = Gradients(self._session, method, of, steps)

        def told(found: Sequence[Step]) -> None:
            request.progress(len(found), len(job.questions), job.label)

        def answer(found: list[Step]) -> Answer:
            runs = job.runs(found)
            about = {
                **target_json(self._session, found[0][0]),
                "runs": [
                    {"value": run.terms.value, "start": _finite(run.start), "gap": _finite(run.gap)}
                    for run in runs
                ],
            }
            numbers = [run.terms.tokens if of == "tokens" else _grid(run.terms) for run in runs]
            return about, encode(np.stack(numbers).astype(np.float32))

        return Then(self._session.read_each(job.questions, bytes_of_step, told), answer)

    def attribution_exact(self, args: Arguments, request: Request) -> Then[Answer]:
        """What is lost by zeroing each of some components, or by each token's mean: `[cell]`."""
        cells = self._cells(args.only("cells"))
        order = sorted(range(len(cells)), key=lambda at: _layer_of(cells[at]))
        parts = [order[i : i + _CELLS_AT_ONCE] for i in range(0, len(order), _CELLS_AT_ONCE)]
        values = np.full(len(cells), np.nan, dtype=np.float32)

        def filled(found: Sequence[list[float]]) -> Frame:
            for part, numbers in zip(parts, found, strict=False):
                values[part] = numbers
            return encode(values)

        def told(found: Sequence[list[float]]) -> None:
            done = sum(map(len, found))
            request.progress(done, len(cells), "measuring", [filled(found)], {"done": done})

        state = self._session.now().state
        questions = [self._measured(state, [cells[at] for at in part]) for part in parts]
        job = self._session.read_each(questions, lambda found: 64 * len(found), told)
        return Then(job, lambda found: ({"done": len(cells)}, filled(found)))

    def _measured(self, state: State, cells: Sequence[Cell]) -> Question[list[float]]:
        """The question what some cells are worth."""
        model = self._session.model

        def work(cancelled: Callable[[], bool]) -> list[float]:
            target = attribution_target(
                model, state.tokens, state.metric, position=state.position, cancelled=cancelled
            ).metric
            edits = [_without(model, cell) for cell in cells]
            return list(
                effects_of_group(model, state.tokens, target, edits, state.active, cancelled)
            )

        asked = (state.tokens, state.active, state.metric, state.position)
        return ("attribution exact", tuple(cells), *asked), work

    def _cells(self, args: Arguments) -> list[Cell]:
        """Components as they are, and input tokens as their positions."""
        named = args["cells"]
        if not isinstance(named, list) or not 0 < len(named) <= MOST_CELLS:
            raise ProtocolError(f"'cells' has to be a list of 1 to {MOST_CELLS} parts")
        last = len(self._session.now().state.tokens) - 1
        cells: list[Cell] = []
        for one in named:
            if type(one) is int:
                if not 0 <= one <= last:
                    raise ProtocolError(f"there is no token {one}: the prompt has 0 to {last}")
                cells.append(one)
                continue
            component = component_from_json(one)
            component.check(self._session.model)
            cells.append(component)
        return cells


class Gradients:
    """What has to be found out for act x grad or integrated gradients, in steps.

    Attributes:
        questions: what is asked of the model, one gradient or one run each.
        label: what is being done, in words.
    """

    def __init__(self, session: Session, method: Method, of: str, steps: int) -> None:
        self._state, self._method, self._steps = session.now().state, method, steps
        self._paths = [
            SessionPath(session, self._state, edits, of)
            for edits in ((), *([self._state.active] if self._state.active else []))
        ]
        self.questions = [question for path in self._paths for question in self._asked(path)]
        self.label = "integrating" if method == "integrated" else "going back"

    def runs(self, found: Sequence[Step]) -> list[IntegratedGradient]:
        """What the answers come to, for each run."""
        n = len(found) // len(self._paths)
        parts = [found[i * n : (i + 1) * n] for i in range(len(self._paths))]
        return [self._run(path, part) for path, part in zip(self._paths, parts, strict=True)]

    def _asked(self, path: SessionPath) -> list[Question[Step]]:
        if self._method == "gradient":
            return [path.gradient(1.0)]
        shares = [share for share, _ in path.points(self._steps)]
        return [*map(path.gradient, shares), path.value(1.0), path.value(0.0)]

    def _run(self, path: SessionPath, found: Sequence[Step]) -> IntegratedGradient:
        numbers = [number for _, number in found]
        if self._method == "gradient":
            return IntegratedGradient(cast("PathTerms", numbers[0]), float("nan"), 1)
        *points, value, start = numbers
        return path.integral(
            cast("list[PathTerms]", points), cast("float", value), cast("float", start)
        )


class SessionPath:
    """The path of one of a session's runs, for the worker to walk."""

    def __init__(self, session: Session, state: State, edits: tuple[Any, ...], of: str) -> None:
        self._session, self._state = session, state
        self._edits, self._of = edits, of
        # Only what depends on nothing that a run would have to tell is asked of it here.
        self._shape = self._path(state.metric)

    def points(self, steps: int) -> list[tuple[float, float]]:
        """Where the gradient is taken."""
        return self._shape.points(steps)

    def integral(self, found: list[PathTerms], value: float, start: float) -> IntegratedGradient:
        """The integral of what was found there."""
        return self._shape.integral(found, value, start)

    def gradient(self, share: float) -> Question[Step]:
        """The question what the integrand is."""
        return self._question("gradient", share, lambda path, stop: path.at(share, stop))

    def value(self, share: float) -> Question[Step]:
        """The question what the metric is."""
        return self._question("value", share, lambda path, stop: path.value(stop, share))

    def _question(
        self,
        what: str,
        share: float,
        ask: Callable[[AttributionPath, Callable[[], bool]], PathTerms | float],
    ) -> Question[Step]:
        state = self._state
        asked = (state.tokens, state.metric, state.position)

        def work(cancelled: Callable[[], bool]) -> Step:
            target = attribution_target(
                self._session.model,
                state.tokens,
                state.metric,
                position=state.position,
                cancelled=cancelled,
            )
            if self._shape.metric != target.metric:
                self._shape = self._path(target.metric)
            return target, ask(self._shape, cancelled)

        return ("attribution", what, self._of, share, self._edits, *asked), work

    def _path(self, metric: Any) -> AttributionPath:
        of = cast("Literal['components', 'tokens']", self._of)
        return AttributionPath(self._session.model, self._state.tokens, metric, self._edits, of)


Cell = Any  # a component, or the position of an input token


def _without(model: Any, cell: Cell) -> Intervention:
    """What takes a cell away: zero, or the mean of all embeddings for a token's."""
    if isinstance(cell, int):
        return Moved((EMBED,), 0.0, start_embedding(model, "mean"), cell)
    return Ablate(cell)


def _layer_of(cell: Cell) -> int:
    return -1 if isinstance(cell, int) else int(cell.layer)


def _grid(terms: PathTerms) -> npt.NDArray[np.float64]:
    """`[layer, (head …, attention, MLP)]`, summed over the tokens; nan stays where nothing is."""

    def total(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(np.isnan(values).all(-1), np.nan, np.nansum(values, -1))

    wholes = np.stack([total(terms.attention), total(terms.mlp)], -1)
    return np.concatenate([total(terms.heads), wholes], -1)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def bytes_of_step(step: Step) -> int:
    """How much room one answer takes."""
    number = step[1]
    if isinstance(number, float):
        return 64
    arrays = (number.heads, number.attention, number.mlp, number.tokens)
    return sum(array.nbytes for array in arrays)
