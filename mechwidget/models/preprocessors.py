"""What came with a model to prepare its inputs: a tokenizer, an image or a sound processor.

In: whatever a person passes as tokenizer: that, a feature extractor, an image processor, or a
processor that holds several. Out: the tokenizer, and tensors of pictures and sounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from mechwidget.errors import PromptError


@dataclass(frozen=True, slots=True)
class Preprocessors:
    """A tokenizer, and what turns pictures or sounds into tensors; None where there is none."""

    tokenizer: Any = None
    extractor: Any = None

    def signal(self, prompt: Any) -> Any:
        """A tensor or an array; tensors are taken as they are."""
        if isinstance(prompt, torch.Tensor) or (
            self.extractor is None and hasattr(prompt, "__array__") and hasattr(prompt, "dtype")
        ):
            return prompt
        if self.extractor is None:
            raise PromptError(
                f"The prompt is {type(prompt).__name__}, and this model has no preprocessor.",
                "Give a tensor, or wrap the model with it: mw.wrap(model, processor).",
            )
        rate = getattr(self.extractor, "sampling_rate", None)
        options = {} if rate is None else {"sampling_rate": rate}
        try:
            made = self.extractor(prompt, return_tensors="pt", **options)
        except (TypeError, ValueError, RuntimeError, LookupError, AttributeError) as error:
            raise PromptError(
                f"The preprocessor could not take the prompt: {type(error).__name__}: {error}"
            ) from error
        return next(value for value in made.values() if value.is_floating_point())


def preprocessors_of(given: Any) -> Preprocessors:
    """The parts of what was given."""
    if given is None:
        return Preprocessors()
    if isinstance(given, Preprocessors):
        return given
    extractor = getattr(given, "image_processor", None) or getattr(given, "feature_extractor", None)
    tokenizer = getattr(given, "tokenizer", None)
    if extractor is None and tokenizer is None:
        names = getattr(given, "model_input_names", None) or ("input_ids",)
        return Preprocessors(given) if "input_ids" in names else Preprocessors(None, given)
    return Preprocessors(tokenizer, extractor)
