"""A document: a text, and the one word in it that evaluation asks the model for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """`prompt` + `answer` + `rest` is the training text; `foil` is the tempting wrong answer."""

    prompt: str
    answer: str
    rest: str = "."
    foil: str | None = None

    @property
    def text(self) -> str:
        """What the model is trained on."""
        return f"{self.prompt} {self.answer}{self.rest}"
