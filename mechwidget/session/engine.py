"""The engine of a session: everything of it that holds the model.

In flow a hooked model and checked states; out flow numbers, patterns, scores and sweeps, all done
by the model's worker. A closed session drops its engine, and with it the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.session.computation import Computation
from mechwidget.session.contexts import Contexts
from mechwidget.session.continuation import Continuations
from mechwidget.session.numbers import Numbers
from mechwidget.session.pattern_pictures import PatternPictures
from mechwidget.session.patterns import Patterns
from mechwidget.session.reads import Reads
from mechwidget.session.scores import Scores
from mechwidget.session.sweep import Sweeps
from mechwidget.session.worker import worker_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.models import HookedModel


class Engine:
    """The parts that compute.

    Args:
        model: what they compute with.
        changed: called in any thread when numbers are there, or why there are none.
    """

    def __init__(self, model: HookedModel, changed: Callable[[], object]) -> None:
        self.model = model
        self.worker = worker_of(model.model)
        computation = Computation(model)
        self.numbers = Numbers(computation, self.worker, changed)
        self.patterns = Patterns(model, self.worker)
        self.pictures = PatternPictures(model, self.patterns)
        self.reads = Reads(model, self.worker)
        self.continuations = Continuations(model, self.worker)
        self.contexts = Contexts(model, self.worker)
        self.sweeps = Sweeps(model, computation, self.worker)
        self.scores = Scores(model, self.reads, self.sweeps)

    def close(self) -> None:
        """Stop everything that is under way."""
        self.sweeps.close()
        self.continuations.close()
        self.contexts.close()
        self.reads.close()
        self.patterns.close()
        self.numbers.close()
