"""The session: one experiment on one model, the single source of truth for code and for clicks.

    session = mw.Session("microcosm", "The capital of France is", mw.Probability(" Paris"))
    session.ablate(mw.Head(1, 2))
    session.baseline_metric_value, session.metric_value

In flow a model, a prompt, interventions and a metric; each change is checked first, so that what
is refused leaves everything as it was. Out flow runs and numbers, computed by the model's worker:
reading `result` waits for the newest state. `session.observe(f, "interventions")` sees every
change, whoever made it.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from mechwidget import live
from mechwidget.errors import MechwidgetError
from mechwidget.session import state as states
from mechwidget.session.directions import Directions
from mechwidget.session.engine import Engine
from mechwidget.session.given_model import hooked
from mechwidget.session.history import History
from mechwidget.session.mailbox import Mailbox
from mechwidget.session.now import Now, Selection
from mechwidget.session.presence import Presence
from mechwidget.session.prompt_history import PromptHistory
from mechwidget.session.recording import Recording
from mechwidget.session.script import script_of
from mechwidget.session.state import Prompt, State
from mechwidget.session.traits import StateTrait, change_of

if TYPE_CHECKING:
    from mechwidget.analysis import Metric
    from mechwidget.interventions import Ablate, Component, Intervention
    from mechwidget.interventions.fields import Given
    from mechwidget.models import HookedModel, Inputs
    from mechwidget.session.directions import Kept
    from mechwidget.session.state import Which

_LONGEST = 120

log = logging.getLogger(__name__)


class Session(Recording):
    """An experiment: a model, a prompt, interventions, a metric, and their numbers.

    All methods may be called from any thread. A change that does not fit the model or the prompt
    raises a `MechwidgetError` and changes nothing.

    Args:
        model: a hooked model, a module in memory, or the name or folder of one to load.
        prompt: text, or token ids; `Inputs` for both stacks of an encoder-decoder.
        metric: `LogitDiff`, `Probability`, or None.

    Attributes:
        prompt: text, or token ids where ids were given, or `Inputs` where a model with two stacks
            was given both; assign to change it.
        interventions: what is listed, in order; assign any iterable of them.
        disabled: the listed interventions that are switched off.
        metric: what is measured; assign to change it.
        reference: the prompts that mean and resample ablation from a page are over.
        other_prompt: prompt B, which patches from a page come from; None where there is none.
        revision: grows with every change of the six above.
        selection: what was selected last, in a view or by `select`.
    """

    prompt: StateTrait[str | tuple[int, ...] | Inputs, Prompt] = StateTrait()
    interventions: StateTrait[tuple[Intervention, ...], Iterable[Intervention]] = StateTrait()
    disabled: StateTrait[frozenset[Intervention], Iterable[Intervention]] = StateTrait()
    metric: StateTrait[Metric | None, Metric | None] = StateTrait(allow_none=True)
    reference: StateTrait[tuple[Given, ...], Iterable[Prompt]] = StateTrait()
    other_prompt: StateTrait[Given | None, Prompt | None] = StateTrait(allow_none=True)
    selection: StateTrait[Selection, Selection] = StateTrait()
    revision: StateTrait[int, int] = StateTrait(read_only=True)

    def __init__(self, model: Any, prompt: Prompt, metric: Metric | None = None) -> None:
        super().__init__()
        self.id = uuid.uuid4().hex
        self._lock = threading.RLock()
        self._mailbox = Mailbox()
        self._listeners: list[Callable[[], object]] = []
        self._history: History[State] = History()
        self._prompts = PromptHistory()
        self._selection = Selection()
        self._drag: object = None
        self._directions: Kept = ()
        self._revision = 0
        self._engine: Engine | None = Engine(hooked(model), self._numbers_came)
        state = states.with_prompt(None, self.model, prompt)
        self._state = states.with_metric(state, self.model, metric)
        self._tried.begin(self._state)
        self._prompts.add(self._state.prompt)
        self._open().numbers.compute(self._state, self._revision)
        live.announce(self, Presence(self))

    # -- what it is about

    @property
    def model(self) -> HookedModel:
        """The hooked model; raises once the session is closed."""
        return self._open().model

    @property
    def recent_prompts(self) -> tuple[str, ...]:
        """The texts that it was about, as prompt or as prompt B, the newest first."""
        return self._prompts.texts

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._engine is None

    @property
    def directions(self) -> Directions:
        """Named directions to steer along: `session.directions["truth"] = tensor`."""
        return Directions(lambda: self._directions, self._change_directions)

    def now(self) -> Now:
        """One coherent picture of now; never waits for the model."""
        with self._lock:
            state, standing = self._state, self._note()
            trial = self._tried.of(state)
            return Now(
                self._revision,
                state,
                standing,
                self._history.before,
                self._history.after,
                self._tried.like(state),
                None if trial is None else trial.id,
                self._kept,
                self._open().scores.version,
            )

    def code(self, style: str = "mechwidget") -> str:
        """A script that reproduces the numbers of now, interventions that are on included.

        Args:
            style: "mechwidget", "hooks" (PyTorch hooks on a Hugging Face model) or
                "transformer_lens".

        Raises:
            InterventionError: the style has no words for it; the message says why.
        """
        return script_of(self.model, self.now().state, style)

    # -- changes

    def ablate(self, *components: Component | Ablate) -> None:
        """Zero-ablate these components, besides what is listed already."""
        wanted = [states.ablation_of(component) for component in components]
        self._change(
            lambda old, model: states.with_interventions(
                old, model, [*old.interventions, *wanted], old.disabled - set(wanted)
            )
        )

    def toggle(self, what: Component | Intervention) -> None:
        """Do an intervention that is not listed, undo one that is: what a click does.

        A component stands for its zero ablation.
        """
        wanted = states.meant_by(what)

        def toggled(old: State, model: HookedModel) -> State:
            rest = [each for each in old.interventions if each != wanted]
            listed = len(rest) < len(old.interventions)
            return states.with_interventions(old, model, rest if listed else [*rest, wanted])

        self._change(toggled)

    def apply(self, *interventions: Intervention, instead_of: Iterable[states.Which] = ()) -> None:
        """Do several interventions in one step, which is undone at once.

        Args:
            interventions: listed after the others, each once, and switched on.
            instead_of: those that leave the list in the same step: themselves, or their places.
        """
        gone = tuple(instead_of)
        self._change(lambda old, model: states.with_applied(old, model, interventions, gone))

    def replace(self, which: int | Intervention, new: Intervention, drag: object = None) -> None:
        """Put `new` in the place of a listed intervention: itself, or its place in the list.

        Args:
            which: the one that goes.
            new: the one that comes.
            drag: changes one after the other with the same drag are one step to undo.
        """
        self._change(lambda old, model: states.with_replaced(old, model, which, new), drag=drag)

    def remove(self, which: Which) -> None:
        """Take off the list: an intervention, its place (from 0), or a group by its name."""
        self._change(lambda old, _: states.without(old, which))

    def enable(self, which: Which) -> None:
        """Switch on: a listed intervention, its place in the list, or a group by its name."""
        self._change(lambda old, _: states.with_switch(old, which, enabled=True))

    def disable(self, which: Which) -> None:
        """Switch off and leave on the list: an intervention, its place, or a group by its name."""
        self._change(lambda old, _: states.with_switch(old, which, enabled=False))

    def clear(self) -> None:
        """Take every intervention off the list."""
        self._change(lambda old, model: states.with_interventions(old, model, ()))

    def swap_prompts(self) -> None:
        """Let the prompt and prompt B change places, as one step to undo."""
        self._change(states.with_swapped_prompts)

    def undo(self) -> None:
        """Go back to the state before the last change; without one nothing happens."""
        self._change(lambda old, _: self._history.undo(old) or old, remember=False)

    def redo(self) -> None:
        """Return to the state that was undone last; without one nothing happens."""
        self._change(lambda old, _: self._history.redo(old) or old, remember=False)

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to undo."""
        return self._history.before is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone change to return to."""
        return self._history.after is not None

    def select(
        self, component: Component | None = None, position: int | None = None, *, by: str = ""
    ) -> None:
        """Say what is looked at: every view shows it, and other code can follow.

        Args:
            component: a head is locked in every view; None unlocks.
            position: the token that details are about; None is the last one.
            by: the page that says so, and needs no telling.

        Raises:
            ComponentError: the model has no such component.
            PromptError: the prompt has no such position.
        """
        self.selection = Selection(component, position, by)

    # -- listening, and the end

    def on_change(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener()` after every change of state or numbers, until the returned is called.

        It runs on whichever thread made the change, the worker's included, so it must be quick.
        """
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                self._listeners = [other for other in self._listeners if other is not listener]

        return stop

    def close(self) -> None:
        """Stop computing and let go of the model. What was read off it stays yours."""
        with self._lock:
            engine, self._engine = self._engine, None
            self._listeners = []
        if engine is not None:
            engine.close()
            live.withdraw(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._engine is None:
            return "Session(closed)"
        state = self._state
        done = ", ".join(each.sentence for each in state.active) or "no interventions"
        return f"Session({self.model.name!r}, {_shorten(repr(self.prompt))}, {_shorten(done)})"

    # -- inside

    def _open(self) -> Engine:
        engine = self._engine
        if engine is None:
            raise MechwidgetError("The session was closed.", "Make a new one with mw.Session.")
        return engine

    def _change(
        self,
        changed: Callable[[State, HookedModel], State],
        remember: bool = True,
        drag: object = None,
    ) -> None:
        with self._lock:
            engine, old = self._open(), self._state
            self._note()
            new = changed(old, engine.model)  # raises where the change is refused
            if new == old:
                return
            on_the_way = drag is not None and drag == self._drag
            if remember and not on_the_way:
                self._history.leave(old)
            self._step += not on_the_way
            self._drag = drag
            self._state = new
            self._prompts.follow(old, new)
            self._announce(old, new)
            if new.tokens != old.tokens:
                self._select(Selection(self._selection.component))
            engine.numbers.compute(new, self._revision)
        engine.sweeps.keep_only(self._state)
        self._tell()
        self._mailbox.deliver()

    def _change_directions(self, changed: Callable[[Kept, HookedModel], Kept]) -> None:
        with self._lock:
            self._directions = changed(self._directions, self._open().model)
        self._tell()

    def _announce(self, old: State, new: State) -> None:
        for name in _CHANGES:
            before, after = _trait_of(old, name), _trait_of(new, name)
            if before != after:
                self._post(name, before, after)
        self._revision += 1
        self._post("revision", self._revision - 1, self._revision)

    def _select(self, selection: Selection) -> None:
        old, self._selection = self._selection, selection
        if old != selection:
            self._post("selection", old, selection)

    def _post(self, name: str, old: Any, new: Any) -> None:
        change = change_of(self, name, old, new)
        self._mailbox.post(lambda: self.notify_change(change))

    def _numbers_came(self) -> None:
        with self._lock:
            if not self.closed:
                self._note()
        self._tell()

    def _tell(self) -> None:
        live.changed()
        for listener in list(self._listeners):
            try:
                listener()
            except Exception:
                log.exception("a listener of a session failed")

    def _read(self, name: str) -> Any:
        if name == "selection":
            return self._selection
        return self._revision if name == "revision" else _trait_of(self._state, name)

    def _assign(self, name: str, value: Any) -> None:
        if name == "selection":
            with self._lock:
                self._select(states.checked_selection(value, self._state, self.model))
            self._mailbox.deliver()
        else:
            self._change(_CHANGES[name](value))


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _trait_of(state: State, name: str) -> Any:
    if name == "prompt" and state.prompt is None:
        return (state.tokens.encoder or state.tokens).ids
    return getattr(state, name)


_Change = Callable[[State, "HookedModel"], State]
_CHANGES: dict[str, Callable[[Any], _Change]] = {
    "prompt": lambda value: lambda old, model: states.with_prompt(old, model, value),
    "interventions": lambda value: lambda old, model: states.with_interventions(old, model, value),
    "disabled": lambda value: lambda old, _: states.with_disabled(old, value),
    "metric": lambda value: lambda old, model: states.with_metric(old, model, value),
    "reference": lambda value: lambda old, model: states.with_reference(old, model, value),
    "other_prompt": lambda value: lambda old, model: states.with_other_prompt(old, model, value),
}
