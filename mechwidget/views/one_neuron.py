"""What a session's views ask about one neuron, in one place.

In flow a session and a neuron of an MLP or of an expert; out flow jobs,
answered from memory where they can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mechwidget.analysis import (
    ExpertNeurons,
    ExpertRouting,
    NeuronRanking,
    NeuronReads,
    NeuronWrites,
    expert_routing,
    neuron_reads,
    neuron_writes,
    rank_expert_neurons,
    rank_neurons,
)
from mechwidget.analysis.neuron_table import neuron_strips
from mechwidget.errors import InterventionError, MechwidgetError
from mechwidget.interventions import ExpertNeuron, Neuron, component_from_json
from mechwidget.models import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.analysis.neuron_contexts import AnyNeuron
    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel
    from mechwidget.session import Session
    from mechwidget.session.job import Job
    from mechwidget.session.state import State

TOLD = 8
"""How many tokens are told at either end of what a neuron reads and writes."""

_PER_LAYER = 4


@dataclass(frozen=True, slots=True, eq=False)
class OnPrompt:
    """One neuron along the prompt.

    Attributes:
        before: float32 `[pos]`, its activation without the edits; nan where it does not exist.
        after: the same with them; None while none is on.
        routing: of an expert's neuron, which experts each token went to with the edits.
    """

    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32] | None
    routing: ExpertRouting | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A neuron worth looking at.

    Attributes:
        activation: where it was looked at, without the edits.
        effect: its direct effect on the metric, in logits; nan where there is none.
    """

    neuron: AnyNeuron
    activation: float
    effect: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """The neurons that write most to the metric, the largest effect first.

    Attributes:
        position: where they were looked at.
        reason: why there are no direct effects: they are the most active then.
    """

    neurons: tuple[Candidate, ...]
    position: int
    reason: str


def neuron_of(model: HookedModel, spec: Any) -> AnyNeuron:
    """The neuron that a page names.

    Raises:
        InterventionError: it is another kind of component.
        ComponentError: the model has no such neuron.
    """
    named = component_from_json(spec)
    if isinstance(named, ExpertNeuron):
        neuron: AnyNeuron = ExpertNeuron(named.layer, named.expert, named.index)
    elif isinstance(named, Neuron):
        neuron = Neuron(named.layer, named.index)
    else:
        raise InterventionError(f"{named} is no neuron.", "Name a neuron of an MLP or an expert.")
    neuron.check(model)
    return neuron


def candidates_of(session: Session, k: int) -> Job[Candidates]:
    """The k neurons that write most to the metric of now, of MLPs and experts alike.

    Without the edits, so that an edit does not reorder what is looked at.
    """
    model = session.model

    def work(state: State, cancelled: Callable[[], bool]) -> Candidates:
        found: list[Candidate] = []
        reason = ""
        position = state.position
        layers = range(model.n_layers)
        if any(map(model.n_neurons, layers)):
            ranking = _ranking(model, state, cancelled)
            found += _of_ranking(ranking)
            reason = ranking.reason
        if any(map(model.n_experts, layers)):
            ranked = rank_expert_neurons(
                model,
                state.tokens,
                state.metric,
                position=position,
                k=k,
                cancelled=cancelled,
            )
            found += _of_experts(ranked)
            reason = reason or ranked.reason
        if not found:
            raise MechwidgetError(f"{model.name} has no neurons that can be told apart.")
        size = [one.activation if reason else one.effect for one in found]
        order = np.argsort(-np.abs(np.nan_to_num(size)), kind="stable")[:k]
        return Candidates(tuple(found[at] for at in order), position, reason)

    return session.read(("neuron candidates", k), work, lambda found: 200 * len(found.neurons))


def _ranking(model: HookedModel, state: State, cancelled: Callable[[], bool]) -> NeuronRanking:
    def ranked(order: Any) -> NeuronRanking:
        return rank_neurons(
            model,
            state.tokens,
            order,
            metric=state.metric,
            position=state.position if order == "here" else None,
            k=_PER_LAYER,
            cancelled=cancelled,
        )

    here = ranked("here")
    return here if here.reason else ranked("effect")


def _of_ranking(ranking: NeuronRanking) -> list[Candidate]:
    rows, columns = np.nonzero(ranking.index >= 0)
    return [
        Candidate(
            Neuron(ranking.layers[row], int(ranking.index[row, column])),
            float(ranking.after[row, column]),
            float(ranking.effect[row, column]),
        )
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ]


def _of_experts(ranked: ExpertNeurons) -> list[Candidate]:
    numbers = zip(ranked.neurons, ranked.activation, ranked.effect, strict=True)
    return [Candidate(neuron, float(a), float(effect)) for neuron, a, effect in numbers]


def on_prompt(session: Session, neuron: AnyNeuron) -> Job[OnPrompt]:
    """A neuron's activations along the prompt, and the choice of experts where it is of one."""
    model = session.model

    def work(state: State, cancelled: Callable[[], bool]) -> OnPrompt:
        if isinstance(neuron, Neuron):
            strips = neuron_strips(model, state.tokens, [neuron], state.active, cancelled=cancelled)
            return OnPrompt(strips[0][0], strips[1][0] if state.active else None, None)
        edits = state.active
        before = _of_expert(model, state, neuron, (), cancelled)
        after = _of_expert(model, state, neuron, edits, cancelled) if edits else None
        [routing] = expert_routing(
            model, state.tokens, edits, layers=[neuron.layer], cancelled=cancelled
        )
        return OnPrompt(before, after, routing)

    return session.read(("neuron on prompt", neuron), work, lambda found: 4 * found.before.nbytes)


def _of_expert(
    model: HookedModel,
    state: State,
    neuron: ExpertNeuron,
    interventions: Sequence[Intervention],
    cancelled: Callable[[], bool],
) -> npt.NDArray[np.float32]:
    sites = [Site(name, neuron.layer) for name in ("experts", "expert_post")]
    read = model.run(state.tokens, interventions, sites, [-1], cancelled=cancelled).read
    there = (read["experts", neuron.layer][0] == neuron.expert).any(-1).cpu().numpy()
    values = read["expert_post", neuron.layer][0, :, neuron.expert, neuron.index]
    return np.where(there, values.float().cpu().numpy(), np.nan).astype(np.float32)


def weights_of(session: Session, neuron: AnyNeuron) -> Job[tuple[NeuronReads | str, NeuronWrites]]:
    """What a neuron reads (or why nobody can tell) and writes, by its weights."""
    model = session.model

    def work(_: State, __: Callable[[], bool]) -> tuple[NeuronReads | str, NeuronWrites]:
        writes = neuron_writes(model, neuron, k=TOLD)
        try:
            return neuron_reads(model, neuron, k=TOLD), writes
        except MechwidgetError as error:
            return error.message, writes

    n_bytes = 16 * model.d_model
    return session.read(("neuron weights", neuron), work, lambda _found: n_bytes)
