"""What a session's views know of its model's weights, asked for in one place.

Weights say the same whatever the prompt and the edits are: answers are remembered for as long as
the model is what it was, and what took long is not begun anew because something more urgent came.

In flow a session and a choice; out flow jobs on the worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mechwidget.analysis.composition import CompositionSoFar
from mechwidget.analysis.head_circuits import HeadCircuit, require_circuit
from mechwidget.analysis.token_neighbours import token_neighbours
from mechwidget.analysis.weight_norms import weight_norms_so_far

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from mechwidget.analysis import (
        Composition,
        TokenCircuit,
        TokenNeighbours,
        TokenPairs,
        WeightNorms,
    )
    from mechwidget.analysis.head_circuits import Circuit
    from mechwidget.interventions import Head
    from mechwidget.session import Session
    from mechwidget.session.job import Job

T = TypeVar("T")
Count = tuple["TokenCircuit", HeadCircuit, float]


class WeightReads:
    """The questions about the weights of one session's model."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._held: dict[str, tuple[Hashable, Any]] = {}

    def token(self, head: Head, token: int, k: int, distance: int) -> Job[Count]:
        """What a head's circuits say of a token, the circuits, and its copying score."""

        def work(cancelled: Callable[[], bool]) -> Count:
            circuit = self._circuit(head, distance, cancelled)
            found = circuit.token(token, k, cancelled=cancelled)
            return found, circuit, self._copying(head, circuit)

        require_circuit(self._session.model, head, distance)
        key = ("head circuit", head, token, k, distance)
        return self._session.read_weights(key, work, lambda _: 64 * k)

    def pairs(
        self,
        head: Head,
        circuit: Circuit,
        k: int,
        distance: int,
        *,
        lowest: bool = False,
        progress: Callable[[int, int], object] | None = None,
    ) -> Job[TokenPairs]:
        """The pairs of tokens with the largest entries of a circuit."""

        def work(cancelled: Callable[[], bool]) -> TokenPairs:
            made = self._circuit(head, distance, cancelled)
            return made.pairs(circuit, k, lowest=lowest, cancelled=cancelled, progress=progress)

        require_circuit(self._session.model, head, distance)
        key = ("head pairs", head, circuit, k, distance, lowest)
        return self._session.read_weights(key, work, lambda _: 32 * k, long=True)

    def composition(self, told: Callable[[Composition], object] | None = None) -> Job[Composition]:
        """Composition scores; `told` what is known so far, after each layer."""

        def work(cancelled: Callable[[], bool]) -> Composition:
            model = self._session.model
            made = self._remembered("composition", (), lambda: CompositionSoFar(model))
            while not made.finished:
                found = made.step(cancelled=cancelled)
                if told is not None:
                    told(found)
            return made.found

        def n_bytes(found: Composition) -> int:
            return 3 * found.q.nbytes

        return self._session.read_weights("composition", work, n_bytes, long=True)

    def norms(self, told: Callable[[WeightNorms], object] | None = None) -> Job[WeightNorms]:
        """The norms of heads and MLPs."""

        def work(cancelled: Callable[[], bool]) -> WeightNorms:
            for found in weight_norms_so_far(self._session.model, cancelled=cancelled):
                if told is not None:
                    told(found)
            return found

        def n_bytes(found: WeightNorms) -> int:
            return 3 * found.qk.nbytes

        return self._session.read_weights("weight norms", work, n_bytes, long=True)

    def nearest(self, token: int, k: int) -> Job[TokenNeighbours]:
        """The tokens nearest to one in the embedding."""

        def work(cancelled: Callable[[], bool]) -> TokenNeighbours:
            return token_neighbours(self._session.model, token, k, cancelled=cancelled)

        return self._session.read_weights(("nearest tokens", token, k), work, lambda _: 64 * k)

    def _circuit(self, head: Head, distance: int, cancelled: Callable[[], bool]) -> HeadCircuit:
        """The circuits of a head, with the maps of its layer known from the last head of it."""
        model = self._session.model
        held = self._held.get("maps")
        at = (model.baselines.version(), head.layer, distance)
        maps = held[1] if held is not None and held[0] == at else None

        def made() -> HeadCircuit:
            return HeadCircuit(model, head, distance=distance, maps=maps, cancelled=cancelled)

        circuit = self._remembered("circuit", (head, distance), made)
        self._held["maps"] = (at, circuit.maps)
        return circuit

    def _copying(self, head: Head, circuit: HeadCircuit) -> float:
        return self._remembered("copying", (head, circuit.distance), circuit.copying)

    def _remembered(self, what: str, about: Hashable, make: Callable[[], T]) -> T:
        """The last of its kind, as long as it is of this and the model is what it was."""
        key = (self._session.model.baselines.version(), about)
        held = self._held.get(what)
        if held is None or held[0] != key:
            self._held.pop(what, None)  # two at once may be too large
            held = self._held[what] = (key, make())
        made: T = held[1]
        return made
