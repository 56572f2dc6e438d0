"""The ranking of neurons that a session's views show, asked for in one place.

In flow a session and a choice; out flows a job, answered from memory where it can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.analysis import rank_neurons

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.analysis import NeuronRanking
    from mechwidget.analysis.neuron_table import Order
    from mechwidget.session import Session
    from mechwidget.session.job import Job
    from mechwidget.session.state import State

_BYTES_PER_NEURON = 32


def ranking_of(session: Session, order: Order, position: int | None, k: int) -> Job[NeuronRanking]:
    """The top k of each layer of the session's prompt, under its edits, for its metric."""

    def work(state: State, cancelled: Callable[[], bool]) -> NeuronRanking:
        return rank_neurons(
            session.model,
            state.tokens,
            order,
            state.active,
            metric=state.metric,
            position=position,
            k=k,
            cancelled=cancelled,
        )

    key = ("neurons", order, position, k)
    return session.read(key, work, lambda found: found.index.size * _BYTES_PER_NEURON)
