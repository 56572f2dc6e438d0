"""Pixels or sound as plain data: what an intervention holds of a prompt that is no text.

Which numbers a model makes of a picture is its preprocessor's business, so what was given is kept
as it is, a copy that nobody writes to. Nothing here imports torch.

In: a tensor, an array, a picture, or `Tokens` of one. Out: a `RawSignal`, equal to another when
kind, shape and numbers are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from mechwidget.errors import InterventionError
from mechwidget.models.inputs import Inputs


@dataclass(frozen=True, slots=True)
class RawSignal:
    """A picture or a sound before a model's preprocessor has seen it.

    Attributes:
        value: what `HookedModel.run` takes.
        shape: of its numbers.
        digest: of its kind (a tensor is taken as it is, an array or a picture may be prepared),
            shape and numbers.
    """

    value: Any = field(compare=False, repr=False)
    shape: tuple[int, ...]
    digest: str

    def __str__(self) -> str:
        return f"a signal of {' by '.join(map(str, self.shape))} numbers"

    def to_json(self) -> Any:
        """There is none: a picture would be megabytes of digits."""
        raise InterventionError(
            f"The source is {self}, and JSON has room for text and token ids only.",
            "Keep the intervention in code, beside the tensor that it was made from.",
        )


def raw_signal(value: Any) -> RawSignal | None:
    """`value` as a signal; None where it is text, token ids or nothing of the kind."""
    if isinstance(value, RawSignal):
        return value
    if (signal := getattr(value, "signal", None)) is not None:  # `Tokens`
        return RawSignal(signal.tensor, tuple(signal.tensor.shape), signal.digest)
    if hasattr(value, "dtype") and (value.ndim == 0 or _are_ids(value)):
        return None
    if hasattr(value, "detach"):
        kept = value.detach().to("cpu", copy=True)
        return RawSignal(kept, tuple(kept.shape), digest(kept.float().contiguous().numpy()))
    if not hasattr(value, "__array_interface__"):
        return None
    from numpy import array  # noqa: PLC0415 - only where there is something to copy

    numbers = array(value, order="C")
    if numbers.dtype.kind not in "iuf":
        return None
    kind = f"{type(value).__name__} {numbers.dtype}"
    return RawSignal(value.copy(), numbers.shape, digest(numbers, kind))


def unwrapped(prompt: Any) -> Any:
    """What a model can read: signals, also in `Inputs`, as they were given."""
    if isinstance(prompt, Inputs):
        return Inputs(unwrapped(prompt.encoder), unwrapped(prompt.decoder))
    return prompt.value if isinstance(prompt, RawSignal) else prompt


def digest(numbers: Any, kind: str = "") -> str:
    """A short name of an array's shape and numbers, the same wherever they are the same."""
    content = blake2b(numbers.tobytes(), digest_size=16)
    content.update(f"{tuple(numbers.shape)!r}{kind}".encode())
    return content.hexdigest()


def _are_ids(value: Any) -> bool:
    """Whether integers stand in a row, as token ids do."""
    return "int" in str(value.dtype) and (value.ndim == 1 or tuple(value.shape)[:-1] == (1,))
