"""What is remembered of one model, forgotten as soon as the model is another.

Weights, hooks or the mode may be changed between two questions, by anybody. In flow a model and
what is found out about it; out flow answers that hold for the model as it is.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from mechwidget.session.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mechwidget.models import HookedModel

V = TypeVar("V")


class Remembered(Recent[V]):
    """Recent answers of one model.

    Attributes:
        version: of the model that they are of (see `Baselines`); None while nobody can say.
    """

    def __init__(self, model: HookedModel, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._model = model
        self.version: int | None = None

    @contextmanager
    def as_it_is(self) -> Iterator[int | None]:
        """The model locked and looked at once; its version (None: nobody can say).

        What was remembered of it as it was before is forgotten, and so is what was remembered of a
        model that nobody can vouch for.
        """
        with self._model.lock, self._model.baselines.one_look() as version:
            if version is None or version != self.version:
                self.clear()
            self.version = version
            yield version
