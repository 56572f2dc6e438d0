"""The state of an experiment: prompt, interventions and metric, checked against the model.

In flow what a person or a page wants; out flows a new immutable `State`, or an error that says what
is wrong with the wish. Each function takes a state and returns another, so a refused change leaves
everything as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from mechwidget.analysis import BoundMetric, Metric
from mechwidget.analysis.metric_kinds import bound_metric
from mechwidget.errors import (
    ComponentError,
    InterventionError,
    MechwidgetError,
    PromptError,
    TokenError,
)
from mechwidget.interventions import Ablate, Component, Intervention
from mechwidget.interventions.fields import Given
from mechwidget.interventions.fields import prompt as checked_prompt
from mechwidget.interventions.kinds import check_kind
from mechwidget.models.inputs import Inputs
from mechwidget.session.alignment import Pair, aligned
from mechwidget.session.arrangement import Arrangement, Group
from mechwidget.session.now import Selection
from mechwidget.session.strength import share_of

if TYPE_CHECKING:
    from mechwidget.models import HookedModel, Tokens

Prompt = str | Sequence[int] | Inputs
Which = int | Intervention | str
"""A place in the list from 0, what stands there, or the name of a group."""

_IDS = count(1)  # never one twice, also after undo


@dataclass(frozen=True)
class State:
    """What a session is about; equal states give equal numbers.

    Attributes:
        prompt: the text, or one for each stack; None where token ids were given.
        tokens: the prompt as the model sees it.
        blank: the token that the prediction is about where the prompt has one to fill in, else the
            last.
        interventions: what is listed, in order, each once.
        disabled: those of them that are switched off.
        metric: what is measured, as it was asked for.
        bound: the same, checked against the model and this prompt.
        reference: the prompts that means and samples are taken over.
        other_prompt: prompt B, which patches come from; None where there is none.
        other: the same as the model sees it.
        ids: one number per intervention, its own for as long as it stays listed: a page that asks
            for a change while the list changes under it means the same one.
        arrangement: what of them has a name, and what belongs to a group.
    """

    prompt: str | Inputs | None
    tokens: Tokens
    blank: int
    interventions: tuple[Intervention, ...] = ()
    disabled: frozenset[Intervention] = frozenset()
    metric: Metric | None = None
    bound: BoundMetric | None = field(default=None, compare=False)
    ids: tuple[int, ...] = field(default=(), compare=False)
    reference: tuple[Given, ...] = ()
    other_prompt: Given | None = None
    other: Tokens | None = field(default=None, compare=False)
    arrangement: Arrangement = field(default_factory=Arrangement)

    @property
    def alignment(self) -> tuple[Pair, ...]:
        """Which position of the prompt stands over which of prompt B; empty without one."""
        return () if self.other is None else aligned(self.tokens.ids, self.other.ids)

    @property
    def active(self) -> tuple[Intervention, ...]:
        """The interventions that are switched on, each as strong as its group lets it be."""
        shares = {id_: g.strength for g in self.arrangement.groups for id_ in g.ids}
        return tuple(share_of(each, shares.get(id_, 1.0)) for id_, each in self._on)

    @property
    def active_ids(self) -> tuple[int, ...]:
        """Their ids, in the same order."""
        return tuple(id_ for id_, _ in self._on)

    @property
    def _on(self) -> list[tuple[int, Intervention]]:
        listed = zip(self.ids, self.interventions, strict=True)
        return [(id_, each) for id_, each in listed if each not in self.disabled]

    @property
    def position(self) -> int:
        """The token whose prediction is looked at: the metric's, else the blank or the last."""
        return self.blank if self.bound is None else self.bound.position


def with_prompt(state: State | None, model: HookedModel, prompt: Prompt) -> State:
    """The same experiment on another prompt (or, with no state, a new one)."""
    if isinstance(prompt, str) and not prompt.isascii():
        _require_unicode(prompt)
    tokens = model.tokenize(prompt)
    said = prompt if isinstance(prompt, str | Inputs) else None
    blank = _blank(tokens, model)
    if state is None:
        return State(said, tokens, blank)
    for intervention in state.interventions:
        try:
            intervention.edits(model, model.n_positions_for(intervention, tokens))
        except MechwidgetError as error:
            raise PromptError(
                f"The new prompt has {len(tokens)} tokens, and “{intervention.sentence}” "
                f"does not fit it: {error.message}",
                "Remove that intervention first, or make the prompt longer.",
            ) from error
    bound = _bind(model, state.metric, len(tokens))
    return replace(state, prompt=said, tokens=tokens, blank=blank, bound=bound)


def with_metric(state: State, model: HookedModel, metric: Metric | None) -> State:
    """The same experiment with another metric."""
    if metric is not None and not isinstance(metric, Metric):
        raise TokenError(
            f"A metric is a LogitDiff, a Probability or None, not {type(metric).__name__}.",
            'For example mw.LogitDiff(" Mary", " John").',
        )
    return replace(state, metric=metric, bound=_bind(model, metric, len(state.tokens)))


def with_reference(state: State, model: HookedModel, prompts: object) -> State:
    """The same experiment with these reference prompts, each one that the model can read."""
    if isinstance(prompts, str) or not isinstance(prompts, Iterable):
        raise PromptError(
            f"The reference is a list of prompts, not {type(prompts).__name__}.",
            'For example session.reference = ["one prompt", "another"].',
        )
    given = tuple(checked_prompt(each, "A reference prompt") for each in prompts)
    for number, each in enumerate(given, 1):
        try:
            if isinstance(each, str):
                _require_unicode(each)
            model.tokenize(each)
        except PromptError as error:
            raise PromptError(f"Reference prompt {number}: {error.message}", error.hint) from error
    return replace(state, reference=given)


def with_other_prompt(state: State, model: HookedModel, prompt: object) -> State:
    """The same experiment beside this prompt B, or beside none."""
    if prompt is None:
        return replace(state, other_prompt=None, other=None)
    given = checked_prompt(prompt, "The other prompt")
    if isinstance(given, str):
        _require_unicode(given)
    return replace(state, other_prompt=given, other=model.tokenize(given))


def with_swapped_prompts(state: State, model: HookedModel) -> State:
    """The same experiment with prompt and prompt B in each other's place."""
    if state.other is None or state.other_prompt is None:
        raise PromptError("There is no prompt B to change places with.")
    ids = (state.tokens.encoder or state.tokens).ids
    here, there = ids if state.prompt is None else state.prompt, state.other_prompt
    if not here or not isinstance(there, str | tuple | Inputs):
        raise PromptError("Only prompts of text or token ids can change places.")
    return with_other_prompt(with_prompt(state, model, there), model, here)


def with_replaced(state: State, model: HookedModel, which: Which, new: Intervention) -> State:
    """The same experiment with `new` in the place of one intervention, under its id."""
    old = listed_one(state, which)
    if new == old:
        return state
    if new in state.interventions:
        raise InterventionError(f"“{new.sentence}” is in the list already.")
    checked(new, state, model)
    listed = tuple(new if each == old else each for each in state.interventions)
    off = frozenset(new if each == old else each for each in state.disabled)
    return replace(state, interventions=listed, disabled=off)


def with_interventions(
    state: State,
    model: HookedModel,
    interventions: Iterable[Intervention],
    disabled: Iterable[Intervention] | None = None,
) -> State:
    """The same experiment under these interventions; what was switched off stays off."""
    if isinstance(interventions, str) or not isinstance(interventions, Iterable):
        raise InterventionError(
            f"The interventions are a list, not {type(interventions).__name__}.", _EXAMPLE
        )
    listed = tuple(dict.fromkeys(checked(i, state, model) for i in interventions))
    off = frozenset(state.disabled if disabled is None else disabled)
    known = dict(zip(state.interventions, state.ids, strict=True))
    ids = tuple(known[each] if each in known else next(_IDS) for each in listed)
    return replace(
        state,
        interventions=listed,
        disabled=off & frozenset(listed),
        ids=ids,
        arrangement=state.arrangement.among(ids),
    )


def with_applied(
    state: State,
    model: HookedModel,
    interventions: Sequence[Intervention],
    instead_of: Sequence[Which] = (),
) -> State:
    """The same experiment with these interventions on, and without those that they replace."""
    gone = {listed_one(state, which) for which in instead_of}
    kept = [each for each in state.interventions if each not in gone]
    off = [each for each in state.disabled if each not in interventions]
    return with_interventions(state, model, [*kept, *interventions], off)


def with_disabled(state: State, disabled: Iterable[Intervention]) -> State:
    """The same experiment with just these of its interventions switched off."""
    off = frozenset(disabled)
    if not off <= frozenset(state.interventions):
        strangers = ", ".join(str(each) for each in off - frozenset(state.interventions))
        raise InterventionError(
            f"Only what is listed can be switched off, and this is not: {strangers}.",
            "Add it to `interventions` first.",
        )
    return replace(state, disabled=off)


def with_switch(state: State, which: Which, *, enabled: bool) -> State:
    """The same experiment with one intervention, or all of one group, switched on or off."""
    meant = frozenset(listed_ones(state, which))
    off = state.disabled - meant if enabled else state.disabled | meant
    return replace(state, disabled=off)


def without(state: State, which: Which) -> State:
    """The same experiment with one intervention, or one group of them, less."""
    gone = ids_meant(state, which)
    kept = [
        (each, id_)
        for each, id_ in zip(state.interventions, state.ids, strict=True)
        if id_ not in gone
    ]
    ids = tuple(id_ for _, id_ in kept)
    listed = tuple(each for each, _ in kept)
    return replace(
        state,
        interventions=listed,
        disabled=state.disabled & frozenset(listed),
        ids=ids,
        arrangement=state.arrangement.among(ids),
    )


def listed_ones(state: State, which: Which) -> tuple[Intervention, ...]:
    """The interventions that are meant: one, or those of a group."""
    return tuple(state.interventions[state.ids.index(id_)] for id_ in ids_meant(state, which))


def ids_meant(state: State, which: Which) -> tuple[int, ...]:
    """The ids of what is meant, in the order of the list."""
    if isinstance(which, str):
        return group_meant(state, which).ids
    return (state.ids[state.interventions.index(listed_one(state, which))],)


def group_meant(state: State, name: str) -> Group:
    """The group of this name."""
    group = state.arrangement.group_named(name)
    if group is None:
        names = ", ".join(repr(each.name) for each in state.arrangement.groups)
        raise InterventionError(
            f"There is no group {str(name)[:80]!r}.", f"There is {names}." if names else ""
        )
    return group


def listed_one(state: State, which: Which) -> Intervention:
    """The intervention that is meant: itself, or its place in the list counted from 0."""
    if isinstance(which, Intervention):
        if which in state.interventions:
            return which
        raise InterventionError(f"“{which.sentence}” is not in the list.")
    n = len(state.interventions)
    if isinstance(which, bool) or not isinstance(which, int) or not 0 <= which < n:
        has = f"there are {n} (0 to {n - 1})" if n else "the list is empty"
        raise InterventionError(f"There is no intervention {which!r}: {has}.")
    return state.interventions[which]


def with_id(state: State, id_: int) -> Intervention:
    """The listed intervention with this id."""
    if id_ not in state.ids:
        raise InterventionError(
            "That intervention is not in the list any more.", "The list has changed meanwhile."
        )
    return state.interventions[state.ids.index(id_)]


def checked(intervention: object, state: State, model: HookedModel) -> Intervention:
    """The intervention, if this model can do it on this prompt."""
    if isinstance(intervention, Component):
        raise InterventionError(
            f"{intervention} is a component: say what is done to it.", f"Ablate({intervention!r})."
        )
    if not isinstance(intervention, Intervention):
        raise InterventionError(
            f"An intervention is an Ablate, a Scale, a Steer …, not {type(intervention).__name__}.",
            _EXAMPLE,
        )
    check_kind(intervention)
    intervention.edits(model, model.n_positions_for(intervention, state.tokens))
    return intervention


def checked_selection(selection: object, state: State, model: HookedModel) -> Selection:
    """The selection, if it names what there is."""
    if not isinstance(selection, Selection):
        raise ComponentError(f"A selection is a Selection, not {type(selection).__name__}.")
    component = selection.component
    if component is not None:
        if not isinstance(component, Component):
            raise _no_component(component)
        component.check(model)
        component.within(model.n_positions(state.tokens, component.layer))
    position = selection.position
    if position is not None and not 0 <= position < len(state.tokens):
        raise PromptError(
            f"There is no token {position}: the prompt has {len(state.tokens)} "
            f"(0 to {len(state.tokens) - 1})."
        )
    return selection


def meant_by(thing: object) -> Intervention:
    """What a click means: an intervention itself, or the ablation of a component."""
    return thing if isinstance(thing, Intervention) else ablation_of(thing)


def ablation_of(component: object) -> Ablate:
    """What a click on a component means; an intervention stands for itself."""
    if isinstance(component, Ablate):
        return component
    if not isinstance(component, Component):
        raise _no_component(component)
    return Ablate(component)


def _blank(tokens: Tokens, model: HookedModel) -> int:
    """The last position that a masked language model is to fill in; else the last of all."""
    mask = getattr(model.tokenizer, "mask_token_id", None)
    reads_on = any(stack.main and stack.attends == "both ways" for stack in model.stacks)
    found = [at for at, token in enumerate(tokens.ids) if token == mask] if reads_on else []
    return found[-1] if found else len(tokens) - 1


def _no_component(thing: object) -> InterventionError:
    return InterventionError(
        f"A component is a Head, MLP, Attention or Neuron, not {type(thing).__name__}.",
        "For example mw.Head(1, 2).",
    )


_EXAMPLE = "For example [mw.Ablate(mw.Head(1, 2))]."


def _require_unicode(prompt: str) -> None:
    # Half of a surrogate pair: JavaScript can send it, no tokenizer can read it.
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise PromptError(
            f"The prompt has half a character at {error.start}, which cannot be encoded.",
            "Type that character again.",
        ) from None


def _bind(model: HookedModel, metric: Metric | None, n_positions: int) -> BoundMetric | None:
    return None if metric is None else bound_metric(metric, model, n_positions)
