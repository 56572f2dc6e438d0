"""What the first residual is made of: the token's vector, its position's, and what else is added.

Nothing is known about architectures. The terms are those of a traced forward; what each is, a
second prompt tells: what follows the tokens is the token part, what stays and differs along the
positions is the position part, and what stays the same everywhere is a constant (token types).

In: a prompt. Out: `EmbeddingParts`, arrays `[part, pos, d]` that sum to the first residual.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from mechwidget.models.first_stream import first_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mechwidget.models import HookedModel, Tokens
    from mechwidget.models.first_stream import Term
    from mechwidget.models.prompts import Prompt

PartKind = Literal["token", "position", "constant", "other"]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingParts:
    """The terms of the first residual.

    Attributes:
        tokens: the prompt.
        kinds: of each part: "token", "position", "constant" (the same at every position, as token
            types are) or "other" (depends on tokens elsewhere too).
        modules: the module or parameter that made each; "" where that cannot be told.
        factors: what each was multiplied by (Gemma: √d_model); nan where that is a vector.
        learned: whether each was read off parameters; else it is a fixed table or was computed.
        vectors: float32 `[part, pos, d]`, as they are added: scaled.
        total: float32 `[pos, d]`, their sum as the model has it.
        steps: what happens to the sum before the first layer reads it, e.g. a norm.
        resid_pre: float32 `[pos, d_model]`, what the first layer is given.
    """

    tokens: Tokens
    kinds: tuple[PartKind, ...]
    modules: tuple[str, ...]
    factors: tuple[float, ...]
    learned: tuple[bool, ...]
    vectors: npt.NDArray[np.float32]
    total: npt.NDArray[np.float32]
    steps: tuple[str, ...]
    resid_pre: npt.NDArray[np.float32]

    @property
    def norms(self) -> npt.NDArray[np.float32]:
        """Euclidean norms `[part, pos]`."""
        found: npt.NDArray[np.float32] = np.linalg.norm(self.vectors, axis=-1)
        return found

    @property
    def shares(self) -> npt.NDArray[np.float32]:
        """`[part, pos]`: how much of the sum each part is, along the sum; they sum to 1."""
        along = (self.vectors * self.total).sum(-1)
        squared = (self.total**2).sum(-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found: npt.NDArray[np.float32] = along / squared
        return found

    def cosines(self, one: int, other: int) -> npt.NDArray[np.float32]:
        """The cosine between two parts at each position, `[pos]`; nan where one is zero."""
        a, b = self.vectors[one], self.vectors[other]
        with np.errstate(divide="ignore", invalid="ignore"):
            found: npt.NDArray[np.float32] = (a * b).sum(-1) / (
                np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
            )
        return found

    def part(self, kind: PartKind) -> int | None:
        """Which part is of this kind, where there is exactly one."""
        found = [at for at, one in enumerate(self.kinds) if one == kind]
        return found[0] if len(found) == 1 else None


def embedding_parts(
    model: HookedModel, prompt: Prompt, *, cancelled: Callable[[], bool] | None = None
) -> EmbeddingParts:
    """The terms that are added up before the first layer of the main stack.

    Raises:
        UnsupportedModelError: the prompt is pixels or sound, or no stream reaches the first layer.
        CancelledError: `cancelled()` became true.
    """
    tokens = model.tokenize(prompt)
    with model.lock:
        found = first_stream(model, tokens, cancelled)
        other = _other(model, tokens)
        others = [term.vectors for term in first_stream(model, other, cancelled).terms]
    terms = found.terms
    moved = torch.tensor([a != b for a, b in zip(tokens.ids, other.ids, strict=True)])
    kinds = [
        _kind(term, others[at] if at < len(others) else None, moved)
        for at, term in enumerate(terms)
    ]
    return EmbeddingParts(
        tokens=tokens,
        kinds=tuple(kinds),
        modules=tuple(term.module for term in terms),
        factors=tuple(term.factor for term in terms),
        learned=tuple(term.learned for term in terms),
        vectors=np.stack([_numbers(term.vectors) for term in terms]),
        total=_numbers(found.total),
        steps=found.steps,
        resid_pre=_numbers(found.resid_pre),
    )


def _other(model: HookedModel, tokens: Tokens) -> Tokens:
    """A prompt of the same length with other tokens: the same ones, moved on by one place."""
    ids = (*tokens.ids[1:], tokens.ids[0])
    if ids == tokens.ids:
        size = model.ledger.n_tokens or model.vocab_size
        ids = tuple((token + 1) % size for token in ids)
    return replace(tokens, ids=ids)


def _kind(term: Term, other: torch.Tensor | None, moved: torch.Tensor) -> PartKind:
    here = term.vectors
    if other is None or other.shape != here.shape:
        return "other"
    differs = (here != other).any(-1).cpu()
    if not differs.any():
        same = len(here) > 1 and bool((here == here[:1]).all())
        return "constant" if same else "position"
    return "token" if bool((differs <= moved).all()) else "other"


def _numbers(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return found
