"""What the head map asks: which scores there are, their numbers, and edits of many cells at once.

In flow the arguments of a request; out flow the menu as JSON, maps as frames
`[layer, head …, MLP, attention, layer]`, and changes of the session that are one step to undo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mechwidget.analysis.map_score import METRIC_UNIT
from mechwidget.errors import ProtocolError
from mechwidget.session.scores import EFFECT
from mechwidget.session.state import with_id
from mechwidget.views.armed import armed, with_directions
from mechwidget.views.aside import aside
from mechwidget.views.deferred import Then
from mechwidget.wire import Arguments, Channel, Frame, Request, encode

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mechwidget.analysis import MapScore, ScoreMap
    from mechwidget.session import Session
    from mechwidget.session.state import State
    from mechwidget.views.deferred import ThenChange

Json = dict[str, Any]
Answer = tuple[Json, Frame]
Revision = dict[str, int]

MOST_EDITS = 256
"""The most interventions that one request lists: each is a line that a person has to read."""


class HeadMap:
    """The ops of the head map of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, channel: Channel) -> None:
        """Let pages call them."""
        for op in (self.score_menu, self.score, self.apply_many):
            channel.on(op.__name__, op)

    def score_menu(self, args: Arguments, _: Request) -> Future[Json]:
        """Every score there is: what it says, and what it lacks now."""
        args.only()
        state = self._session.now().state

        def work() -> Json:  # the first time it imports plugins
            scores = self._session.known_scores
            return {"scores": [_menu_entry(s, state, self._session.lacks(s)) for s in scores]}

        return aside(work)

    def score(self, args: Arguments, request: Request) -> Then[Answer]:
        """The numbers of one score, growing while they are computed in several runs."""
        name = args.only("name", "edited").text("name", 200)
        edited = "edited" in args and args.boolean("edited")
        state = self._session.now().state
        known = {score.name: score for score in self._session.known_scores}
        about = _about(known[name], state) if name in known else {}

        def answer(made: ScoreMap) -> Answer:
            return {**about, "name": name, "reason": made.reason}, encode(made.grid)

        def progress(done: int, total: int, made: ScoreMap) -> None:
            about_it, frame = answer(made)
            request.progress(done, total, "", [frame], about_it)

        return Then(self._session.scores(name, edited=edited, progress=progress), answer)

    def apply_many(self, args: Arguments, _: Request) -> Revision | ThenChange[Revision]:
        """Do several interventions and take others off the list, as one step to undo."""
        args.only("interventions", "remove")
        specs = [_object(spec) for spec in _listed(args, "interventions")]
        ids = [_id(each) for each in _listed(args, "remove")]

        def change(found: Sequence[Mapping[str, Any]]) -> Revision:
            state = self._session.now().state
            wanted = [armed(spec, state) for spec in found]
            self._session.apply(*wanted, instead_of=[with_id(state, each) for each in ids])
            return {"revision": self._session.revision}

        return with_directions(self._session, specs, change)


def _menu_entry(score: MapScore, state: State, missing: str) -> Json:
    return {
        "name": score.name,
        "title": score.title,
        "convention": score.convention,
        "follows_edits": score.follows_edits,
        "missing": missing,
        **_about(score, state),
    }


def _about(score: MapScore, state: State) -> Json:
    """Unit and scale as they are with the metric of now: without one, effects are divergences."""
    unit, scale, bound = score.unit, score.scale, state.bound
    label = score.title
    if unit == METRIC_UNIT:
        unit = "nats" if bound is None else bound.unit
    if score.name == EFFECT:
        scale = "sequential" if bound is None else "diverging"
        label = "KL from the baseline" if bound is None else f"change of {bound.label}"
    return {"unit": unit, "scale": scale, "range": score.range, "label": label}


def _listed(args: Arguments, name: str) -> list[Any]:
    listed = args.get(name, [])
    if not isinstance(listed, list | tuple):
        raise ProtocolError(f"{name!r} has to be a list, not {repr(listed)[:60]}")
    if name == "interventions" and len(listed) > MOST_EDITS:
        raise ProtocolError(
            f"{len(listed):,} edits at once are more than {MOST_EDITS}: choose fewer cells"
        )
    return list(listed)


def _object(spec: Any) -> Mapping[str, Any]:
    if not isinstance(spec, Mapping):
        raise ProtocolError(f"an intervention has to be an object, not {repr(spec)[:60]}")
    return spec


def _id(value: Any) -> int:
    if type(value) is not int:
        raise ProtocolError(f"an id has to be a whole number, not {repr(value)[:60]}")
    return value
