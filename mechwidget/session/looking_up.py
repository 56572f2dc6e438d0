"""The reference set of a session, and what neurons do over it.

In flows whatever a person gives as a set of prompts; out flow jobs that find the contexts of
neurons in it, in the background.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from mechwidget.analysis.corpus import Corpus, read_corpus
from mechwidget.errors import MechwidgetError
from mechwidget.session.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.analysis.neuron_contexts import AnyNeuron
    from mechwidget.session.contexts import ContextsFound
    from mechwidget.session.job import Job


class LookingUp(Readings):
    """What a session can look up in a reference set of prompts."""

    _corpus: Corpus | None = None

    @property
    def corpus(self) -> Corpus | None:
        """The prompts that neurons are looked at over; None while there are none.

        Assign a list, a path to a text file (a prompt on each line), a column of a DataFrame, any
        iterable, or None. It belongs to the session and not to its states: undo leaves it alone.

        Raises:
            MechwidgetError: there is no prompt in it, or it cannot be read; nothing is changed.
        """
        return self._corpus

    @corpus.setter
    def corpus(self, given: Any) -> None:
        self._corpus = None if given is None else read_corpus(given)
        self._tell()

    def neuron_contexts(
        self, neuron: AnyNeuron, report: Callable[[ContextsFound], object] | None = None
    ) -> Job[ContextsFound]:
        """The contexts of a neuron in `corpus`; `.result()` waits for every prompt.

        One pass serves all neurons of a layer, and is remembered, also on disk.

        Args:
            neuron: a `Neuron` or an `ExpertNeuron`.
            report: called on the worker's thread with what is known so far, after each step.

        Raises:
            MechwidgetError: there is no reference set, or no such neuron.
        """
        corpus = self._corpus
        if corpus is None:
            raise MechwidgetError(
                "There is no reference set to look the neuron up in.",
                "Give one: session.corpus = [texts], a path to a text file, or frame['column'].",
            )
        return self._open().contexts.find(corpus, neuron, report)

    @abstractmethod
    def _tell(self) -> None:
        """Call whoever listens."""
