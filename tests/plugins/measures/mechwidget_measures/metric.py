"""How far a token is ahead of the best of all others."""

from dataclasses import dataclass
from typing import ClassVar

from mechwidget.analysis import BoundMetric, Parameter
from mechwidget.errors import TokenError


@dataclass(frozen=True)
class Margin:
    """The logit of a token minus the largest other logit, times a scale, in logits."""

    kind: ClassVar[str] = "margin"
    title: ClassVar[str] = "margin over the rest"
    parameters: ClassVar = (
        Parameter("token", "token"),
        Parameter("scale", "times", "number", 1.0),
    )
    token: str | int
    scale: float = 1.0

    @classmethod
    def from_json(cls, data):
        token, scale = data.get("token"), data.get("scale", 1.0)
        if isinstance(token, bool) or not isinstance(token, str | int):
            raise TokenError(f"The margin's token is {token!r:.40}; expected text or an id.")
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not abs(scale) < 1e6:
            raise TokenError(f"The margin's scale is {scale!r:.40}; expected a number.")
        return cls(token, float(scale))

    def bind(self, model, n_positions):
        token = model.token_id(self.token)

        def read(logits):
            others = logits.double().clone()
            others[token] = float("-inf")
            return self.scale * (logits[token].double() - others.max())

        label = f"margin of {model.token_text(token).replace(' ', '·')} over the rest"
        return BoundMetric(label, "logits", n_positions - 1, (token,), read)

    def to_json(self):
        return {"type": self.kind, "token": self.token, "scale": self.scale}
