"""What a session keeps of where it has been: named snapshots, and every state that was tried.

In flow the states of a session and their numbers; out flow snapshots, trials, and returns to them,
each a change that can be undone like any other.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from mechwidget.errors import MechwidgetError
from mechwidget.session.arranging import Arranging
from mechwidget.session.snapshots import Comparison, Snapshot, Snapshots, comparison
from mechwidget.session.tried import Trial, Tried, figures_of

if TYPE_CHECKING:
    import threading

    from mechwidget.session.numbers import Standing
    from mechwidget.session.state import State


class Keeping(Arranging):
    """Snapshots and trials of a session."""

    _lock: threading.RLock
    _state: State
    _revision: int

    def __init__(self) -> None:
        super().__init__()
        self._kept = Snapshots()
        self._tried = Tried()
        self._step = 0
        self._noted: Standing | None = None

    @property
    def snapshots(self) -> Snapshots:
        """The snapshots by name, in the order in which they were taken."""
        with self._lock:
            self._note()  # numbers that have just come belong to them
            return self._kept

    def take_snapshot(self, name: str | None = None, *, wait: bool = True) -> Snapshot:
        """Keep the state of now under a name.

        Args:
            name: unlike any other; None is "Snapshot 1", "Snapshot 2" …
            wait: for the numbers of now; without, they are filled in when they come.

        Raises:
            SnapshotError: the name is taken, or there are too many.
        """
        if wait:
            self._open().numbers.get()
        with self._lock:
            self._kept = self._kept.taking(self._state, name)
            self._noted = None  # the numbers that stand are the new one's too
            self._note()
            taken = tuple(self._kept.values())[-1]
        self._tell()
        return taken

    def restore(self, name: str) -> None:
        """Go back to a snapshot: prompt, interventions, their order and groups, and metric."""
        state = self._kept[name].state
        self._change(lambda _, __: state)

    def rename_snapshot(self, name: str, to: str) -> None:
        """Give a snapshot another name."""
        with self._lock:
            self._kept = self._kept.renaming(name, to)
        self._tell()

    def delete_snapshot(self, name: str) -> None:
        """Forget a snapshot."""
        with self._lock:
            self._kept = self._kept.deleting(name)
        self._tell()

    def compare(self, one: str, other: str) -> Comparison:
        """What lies between two snapshots: the first as before, the second as after.

        Raises:
            SnapshotError: there is none of that name, or it has no numbers yet.
        """
        known = self.snapshots
        return comparison(known[one], known[other], self._open().model)

    @property
    def tried(self) -> tuple[Trial, ...]:
        """The states that got numbers, each once, the newest last; at most the last 200."""
        with self._lock:
            self._note()
            return self._tried.all

    def go_back(self, to: Trial | int) -> None:
        """Return to a state that was tried: itself, or its id."""
        wanted = to.id if isinstance(to, Trial) else to
        found = next((trial for trial in self.tried if trial.id == wanted), None)
        if found is None:
            raise MechwidgetError("That state is not remembered any more.", "See session.tried.")
        self._change(lambda _, __: found.state)

    def _note(self) -> Standing:
        """Remember the numbers of the newest state, if they are there. Called under the lock."""
        standing, computed = self._open().numbers.standing, None
        if standing.revision == self._revision and standing is not self._noted:
            computed = standing.computed
        if computed is not None:
            self._noted = standing
            figures = figures_of(computed)
            self._tried.note(self._state, figures, self._step)
            self._kept = self._kept.computed(self._state, computed, figures)
        return standing

    @abstractmethod
    def _tell(self) -> None:
        """Call whoever listens."""
