"""Where a direction to steer along can come from, and how it is found.

In: a source as plain data, a state of a session. Out: a `Direction`: prompt B minus prompt A at one
token, the unembedding of a token, or one that was saved. Called on the worker's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from mechwidget.analysis.token_direction import token_direction
from mechwidget.errors import InterventionError
from mechwidget.interventions import Residual, Vector
from mechwidget.interventions.components import ENDS
from mechwidget.session.directions import Direction, Kept, kept_one

if TYPE_CHECKING:
    from mechwidget.interventions import Component
    from mechwidget.models import HookedModel, Tokens
    from mechwidget.session.state import State

Cancelled = Callable[[], bool]
MINUS = "\N{MINUS SIGN}"


class DirectionSource(Protocol):
    """Anything that can be turned into a direction of a model, given a state of a session.

    Equal sources are looked for once, so that they have to be hashable.
    """

    def find(self, model: HookedModel, state: State, kept: Kept, cancelled: Cancelled) -> Direction:
        """The direction; raises a `MechwidgetError` where there is none. `kept`: the named ones."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class OtherMinusThis:
    """What a component holds on prompt B minus what it holds on the prompt, at one token.

    Both without interventions. The token of B is the one that stands under the token of the prompt.

    Attributes:
        component: a `Residual`, `Attention`, `MLP` or `Head`; its positions do not count.
        position: the token of the prompt, negative ones from the end.
    """

    component: Component
    position: int = -1

    def find(
        self,
        model: HookedModel,
        state: State,
        kept: Kept,  # noqa: ARG002 - what every source is told
        cancelled: Cancelled,
    ) -> Direction:
        """The difference, as long as the component is wide."""
        if state.other is None:
            raise InterventionError(
                "There is no prompt B to take a difference with.",
                'Give one with “+ B” beside the prompt, or session.other_prompt = "…".',
            )
        component = cast("Component", replace(cast("Any", self.component), positions=None))
        component.check(model)
        if not model.stack_of(component.layer).main:
            raise InterventionError(
                f"{component} belongs to another stack than the prompt's tokens.",
                "Take a layer of the stack that answers.",
            )
        here = component.place(self.position, len(state.tokens))
        there = dict(state.alignment).get(here)
        if there is None:
            raise InterventionError(
                f"Token {here} has no counterpart in prompt B.",
                "Choose a token that stands over one of B.",
            )
        ours = _held(model, state.tokens, component, here, cancelled)
        theirs = _held(model, state.other, component, there, cancelled)
        difference = [b - a for a, b in zip(ours, theirs, strict=True)]
        if not any(difference):
            raise InterventionError(
                f"B and A hold the same at token {here} in {component}: their difference is 0.",
                "Choose a token after the first one that differs.",
            )
        place = _place(component)
        pair = f"at {here}" if here == there else f"at {there}, {here}"
        tokens = f"token {here} of B minus A"
        if here != there:
            tokens = f"token {there} of B minus token {here} of A"
        return Direction(
            Vector(tuple(difference), f"B {MINUS} A {pair} {place}"), f"{tokens} {place}"
        )


@dataclass(frozen=True, slots=True)
class Unembedding:
    """The unembedding of a token, or of an answer minus that of a distractor.

    Attributes:
        token: as text (exactly one token, leading space included) or as id.
        minus: the token that it is held against, or None.
    """

    token: str | int
    minus: str | int | None = None

    def find(self, model: HookedModel, state: State, kept: Kept, cancelled: Cancelled) -> Direction:  # noqa: ARG002
        """Its row, or the difference of two."""
        vector = token_direction(model, self.token, self.minus)
        if not vector.any():
            raise InterventionError(
                "The two tokens are the same: their difference is 0.", "Choose two tokens."
            )
        name = _shown(model, self.token)
        origin = f"the unembedding of {name}"
        if self.minus is not None:
            against = _shown(model, self.minus)
            name = f"{name} {MINUS} {against}"
            origin = f"{origin} minus that of {against}"
        return Direction(Vector(tuple(vector.tolist()), name), origin)


@dataclass(frozen=True, slots=True)
class Saved:
    """A direction that the session holds under a name."""

    name: str

    def find(self, model: HookedModel, state: State, kept: Kept, cancelled: Cancelled) -> Direction:  # noqa: ARG002
        """That very one."""
        return kept_one(kept, self.name)


def _held(
    model: HookedModel, tokens: Tokens, component: Component, position: int, cancelled: Cancelled
) -> list[float]:
    run = model.run(
        tokens,
        read=[component.site],
        positions=[position],
        read_positions=[position],
        cancelled=cancelled,
    )
    held: list[float] = run.read[component.site][component.at([0])].float().reshape(-1).tolist()
    return held


def _place(component: Component) -> str:
    if isinstance(component, Residual):
        return f"{ENDS[component.end]} layer {component.layer}"
    return f"in {component}"


def _shown(model: HookedModel, token: str | int) -> str:
    text = model.token_text(model.token_id(token))
    return text.replace(" ", "·")[:24]
