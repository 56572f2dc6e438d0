"""Parts that can be imported, and are broken all the same."""

from dataclasses import dataclass
from typing import ClassVar

from mechwidget.analysis import BoundMetric, MapScore, Parameter


def fail(*_, **__):
    return 1 / 0


def score(name, compute=fail):
    return MapScore(name, name, "broken", "", "sequential", None, frozenset(), compute)


class Future:
    mechwidget_api = "99.0"


NO_SCORE = {"name": "no score"}
FUTURE = Future()
RAISES = score("raises")
TAKEN = score("induction")


@dataclass(frozen=True)
class RaisingMetric:
    kind: ClassVar[str] = "raises"
    title: ClassVar[str] = "a metric that raises"
    parameters: ClassVar = (Parameter("level", "level", "number", 1.0),)

    @classmethod
    def from_json(cls, data):
        return cls()

    def bind(self, model, n_positions):
        return BoundMetric("broken", "logits", n_positions - 1, (), fail)

    def to_json(self):
        return {"type": self.kind, "level": 1.0}


class NoIntervention:
    kind = "no_intervention"


class RaisingSource:
    load = wrap = takes = staticmethod(fail)


RAISING_SOURCE = RaisingSource()
