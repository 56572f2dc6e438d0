"""The last steps of one run at one position, as a linear map: final norm, unembedding, and so on.

With the final norm held at the scale that it has in the run (frozen), a difference of logits is a
direction in the stream and a constant; whatever was written to the stream has its inner product
with that direction as a term of its own (Elhage et al. 2021, "A Mathematical Framework for
Transformer Circuits"). Heads and neurons are parts of what a projection reads, and have terms
through it where the projection gives what was written. Modules are called, never read.

In: a hooked model and one run of it. Out: directions, constants and terms, in logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from mechwidget.analysis.answering import answering_layers
from mechwidget.analysis.ending import (
    HINT,
    after_unembedding,
    called,
    norm_at,
    pulled_back,
    rounding,
    unembedding,
)
from mechwidget.errors import MechwidgetError, UnsupportedModelError
from mechwidget.models import Site
from mechwidget.models.hooks import submodule
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from mechwidget.analysis.frozen_norm import FrozenNorm
    from mechwidget.models import HookedModel, Run
    from mechwidget.models.ledger import Write


@dataclass(frozen=True, slots=True, eq=False)
class Toward:
    """What speaks for one token, or for one token against another.

    Attributes:
        direction: `[d_model]` in the stream before the final norm, float32.
        norm_bias: what the bias of the final norm adds.
        unembed_bias: what the bias of the unembedding adds.
        said: what the whole stream and both biases say, in logits before any cap.
    """

    direction: torch.Tensor
    norm_bias: float
    unembed_bias: float
    said: float

    def says(self, vector: torch.Tensor) -> float:
        """The term of a part `[d_model]` of the stream."""
        return float(vector.double().cpu() @ self.direction.double().cpu())


class LastSteps:
    """The last steps of one run, with what it held at one position.

    Attributes:
        held: what the run held there, by site.
        stream: the stream that is unembedded.
        note: why terms do not add up to the run's logits, where the model caps them; else empty.
    """

    def __init__(self, model: HookedModel, run: Run, position: int, at: Site | None = None) -> None:
        """Take the steps of `run` apart.

        Args:
            model: whose.
            run: has read the last stream, and `at`.
            position: where; the run has logits there and nowhere else.
            at: the stream that is unembedded; None is the last one.

        Raises:
            UnsupportedModelError: the end is not a norm and an unembedding.
            MechwidgetError: stream or logits are no finite numbers.
        """
        self._model, self._twin = model, make_twin(model.model)
        self._dtype = run.logits.dtype
        self._unembed = unembedding(model, self._twin)
        self.held: Mapping[Site, torch.Tensor] = {
            site: run.read[site][0, position] for site in run.read
        }
        final = self.held[last_stream(model)]
        if not bool(final.isfinite().all()) or not bool(run.logits.isfinite().any()):
            raise MechwidgetError(
                "The logits of this run are not finite numbers: there is nothing to attribute.",
                "Look for the layer in which the stream stops being finite, with the lens.",
            )
        raw = self._called(self._normed(self._norm_of(final), final))
        self._factor, self.note = after_unembedding(model, raw, run.logits[0, 0])
        self.stream = final if at is None else self.held[at]
        self._norm = self._norm_of(self.stream)

    def toward(self, tokens: Sequence[int]) -> Toward:
        """What speaks for the first token, against the second where there are two."""
        towards = torch.zeros(self._model.vocab_size, device=self.stream.device)
        for token, sign in zip(tokens, (1, -1), strict=False):
            towards[token] = sign
        out, pull = pulled_back(self._unembed, self._normed(self._norm, self.stream), towards)
        bias = self._norm.bias.to(self.stream.dtype)

        def read(logits: torch.Tensor) -> float:
            picked = [float(logits[token]) for token in tokens]
            return (picked[0] - sum(picked[1:])) * self._factor

        of_unembedding = read(self._called(torch.zeros_like(bias)))
        return Toward(
            self._norm.back(pull.float()) * self._factor,
            read(self._called(bias)) - of_unembedding,
            of_unembedding,
            read(out),
        )

    def terms(
        self, write: Write | None, x: torch.Tensor, written: torch.Tensor, direction: torch.Tensor
    ) -> torch.Tensor | None:
        """The term of each number of `x`, which the projection of a write reads; in its shape.

        None where `x`, projected, is not what was `written`: then no part of it has a term.
        """
        if write is None or write.projection is None:
            return None
        module, projected, norm = self._projected(write, x)
        made = (norm.forward(projected.float()) + norm.bias) * write.factor
        room = rounding(self._dtype) * (1e-6 + float(written.abs().max()))
        if made.shape != written.shape or float((made - written.float()).abs().max()) > room:
            return None
        towards = norm.back(direction.to(made.device)) * write.factor
        _, pull = pulled_back(module, x.reshape(-1), towards)
        return x.float() * pull.reshape(x.shape).float()

    @torch.no_grad()
    def logits_of(self, write: Write, x: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
        """What it adds to each logit, `[vocab]` on the CPU, that a write reads `moved` besides.

        Norms stay at the scale that they have for `x`; biases are left out.
        """
        module, _, norm = self._projected(write, x)
        out = called(module, moved).float() - called(module, torch.zeros_like(x)).float()
        wrote = norm.forward(out) * write.factor
        there = self._norm.forward(wrote.to(self._norm.gain.device)).to(self.stream.dtype)
        nothing = self._called(torch.zeros_like(there)).float()
        return ((self._called(there).float() - nothing) * self._factor).cpu()

    def _projected(
        self, write: Write, x: torch.Tensor
    ) -> tuple[nn.Module, torch.Tensor, FrozenNorm]:
        """The projection of a write, what it makes of `x`, and the post-norm at that scale."""
        if write.projection is None:
            raise UnsupportedModelError("No single module makes what is written here.")
        module = submodule(self._twin, write.projection.module)
        with torch.no_grad():
            projected = called(module, x.reshape(-1))
        place = write.at if write.post_norm else None
        return module, projected, norm_at(self._twin, place, projected)

    def _norm_of(self, stream: torch.Tensor) -> FrozenNorm:
        return norm_at(self._twin, self._model.ledger.final_norm, stream)

    def _normed(self, norm: FrozenNorm, stream: torch.Tensor) -> torch.Tensor:
        return (norm.forward(stream.float()) + norm.bias).to(stream.dtype)

    def _called(self, vector: torch.Tensor) -> torch.Tensor:
        """The unembedding of a vector."""
        try:
            with torch.no_grad():
                return called(self._unembed, vector)
        except RuntimeError as error:
            raise UnsupportedModelError(
                f"What {self._model.name} unembeds is not what its final norm gives: {error}", HINT
            ) from error


def last_stream(model: HookedModel) -> Site:
    """The site of the stream that is unembedded."""
    return Site("resid_post", answering_layers(model)[-1])
