"""Integrated gradients: attributions along a straight path from nothing to the run as it is.

    IG = integral over t from 0 to 1 of (x - x0) · dF/dx at x0 + t (x - x0)

(Sundararajan, Taly & Yan 2017, "Axiomatic Attribution for Deep Networks"). They are complete: their
sum is F(x) - F(x0), but for the error of the integral, which is told. Two paths:

- "components": every head's z and every MLP's write is multiplied by t, all at once; the metric is
  a function of these gates. F(x0) is what embeddings and biases say alone. At t = 1 the integrand
  is activation times gradient.
- "tokens": the token embeddings move from a start (all of the vocabulary's mean, or zero) to what
  they are; positions are left alone.

The integral is a Gauss-Legendre sum, exact for polynomials of degree 2n - 1 in t; where norms come
after the sublayers, nearly all happens close to t = 0, and it is one in the root of t.

In: a hooked model, a prompt, a metric. Out: `PathTerms` at one t, and `IntegratedGradient`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from mechwidget.analysis.activation_gradient import by_part, part_sites
from mechwidget.analysis.cutting import cut
from mechwidget.errors import MechwidgetError, SiteError
from mechwidget.models import Site
from mechwidget.models.edit import Edit
from mechwidget.models.hooks import submodule
from mechwidget.models.twin import make_twin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.analysis.metrics import Metric
    from mechwidget.models import HookedModel, Intervention
    from mechwidget.models.prompts import Prompt
    from mechwidget.models.tokens import Tokens

Of = Literal["components", "tokens"]
Start = Literal["mean", "zero"]

EMBED = Site("embed")
_EMBEDDED_AT_ONCE = 8192
MOST_STEPS = 256


@dataclass(frozen=True, slots=True, eq=False)
class PathTerms:
    """Attributions by part; nan where there is no such part, empty where nobody asked for it.

    Attributes:
        heads: float64 `[layer, head, pos]`; in layers whose heads cannot be told apart all nan.
        attention: float64 `[layer, pos]`: of whole attentions where there are no heads to tell
            apart, elsewhere the sum of its heads.
        mlp: float64 `[layer, pos]`.
        tokens: float64 `[pos]`.
        value: the metric at this point of the path.
    """

    heads: npt.NDArray[np.float64]
    attention: npt.NDArray[np.float64]
    mlp: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.float64]
    value: float

    @property
    def sum(self) -> float:
        """Every part once."""
        return float(np.nansum(self.attention) + np.nansum(self.mlp) + np.nansum(self.tokens))


@dataclass(frozen=True, slots=True, eq=False)
class IntegratedGradient:
    """The integral, as `terms`, and how far it can be believed.

    Attributes:
        terms: attributions; `terms.value` is the metric at the end of the path, of the run itself.
        start: the metric at its start.
        steps: at how many points the gradient was taken.
    """

    terms: PathTerms
    start: float
    steps: int

    @property
    def gap(self) -> float:
        """The sum of all terms less what it has to be; 0 where the integral is exact."""
        return self.terms.sum - (self.terms.value - self.start)


@dataclass(frozen=True, eq=False)
class AttributionPath:
    """A path through the runs of one prompt.

    Attributes:
        model: whose.
        tokens: the prompt.
        metric: F.
        interventions: what is changed in every run on the path.
        of: what moves along it.
        start: where token embeddings start.
    """

    model: HookedModel
    tokens: Tokens
    metric: Metric
    interventions: tuple[Intervention, ...] = ()
    of: Of = "components"
    start: Start = "mean"

    def points(self, steps: int) -> list[tuple[float, float]]:
        """Where on (0, 1) the gradient is taken, each with its weight."""
        if not 1 <= steps <= MOST_STEPS:
            raise MechwidgetError(f"steps is {steps}; expected 1 to {MOST_STEPS}.")
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        roots = [((1 + float(x)) / 2, float(w) / 2) for x, w in zip(nodes, weights, strict=True)]
        writes = [write for block in self.model.ledger.blocks for write in block.writes]
        if self.of == "components" and any(write.post_norm for write in writes):
            return [(root**2, 2 * root * weight) for root, weight in roots]
        return roots

    def integral(
        self, found: Sequence[PathTerms], value: float, start: float
    ) -> IntegratedGradient:
        """The integral of what was found at `points(len(found))`, in their order.

        Args:
            found: the integrand there.
            value: the metric at the end of the path.
            start: the metric at its start.
        """
        weights = [weight for _, weight in self.points(len(found))]

        def total(name: str) -> npt.NDArray[np.float64]:
            each = [w * getattr(point, name) for w, point in zip(weights, found, strict=True)]
            return np.asarray(np.sum(each, axis=0))

        terms = PathTerms(total("heads"), total("attention"), total("mlp"), total("tokens"), value)
        return IntegratedGradient(terms, start, len(found))

    def at(self, share: float, cancelled: Callable[[], bool] | None = None) -> PathTerms:
        """The integrand at t = `share`, above 0 and at most 1.

        Raises:
            SiteError: the model has no such parts, or no gradient reaches them.
            CancelledError: `cancelled()` became true.
        """
        measured: Any = self.metric  # its protocol there has fields that can be set
        sites = self._sites
        edits = [*self.interventions, self._moved(share)] if share != 1 else self.interventions
        found = self.model.gradients(self.tokens, measured, sites, edits, cancelled=cancelled)
        if self.of == "components":
            products = {s: found.read[s][0].float() * found[s][0].float() / share for s in sites}
            heads, attention, mlp = by_part(self.model, self.tokens, products)
            empty = np.zeros(0)
            return PathTerms(heads, _once(heads, attention), mlp, empty, found.value)
        here, gradient = found.read[EMBED][0].float(), found[EMBED][0].float()
        moved = (here - self._from.to(here)) / share
        along = (moved * gradient).sum(-1).cpu().double().numpy()
        none = np.zeros((0, 0))
        return PathTerms(none[..., None], none, none, along, found.value)

    def value(self, cancelled: Callable[[], bool] | None = None, share: float = 1.0) -> float:
        """The metric there, at the end of the path by default."""
        bound = self.metric.bind(self.model, len(self.tokens))
        edits = [*self.interventions, *([self._moved(share)] if share != 1 else [])]
        run = self.model.run(self.tokens, edits, positions=[bound.position], cancelled=cancelled)
        return bound(run.logits[0, 0])

    @property
    def _sites(self) -> tuple[Site, ...]:
        if self.of == "components":
            return _gated(self.model)
        if EMBED not in self.model.sites:
            raise SiteError(f"{self.model.name} has no token embeddings that can be told apart.")
        return (EMBED,)

    def _moved(self, share: float) -> Moved:
        return Moved(self._sites, share, self.start_from)

    @property
    def start_from(self) -> torch.Tensor | None:
        """`[d]`, where what moves starts; None is zero."""
        return self._from if self.of == "tokens" else None

    @cached_property
    def _from(self) -> torch.Tensor:
        return start_embedding(self.model, self.start)


def integrated_gradient(
    model: HookedModel,
    prompt: Prompt,
    metric: Metric,
    interventions: Sequence[Intervention] = (),
    *,
    of: Of = "components",
    start: Start = "mean",
    steps: int = 32,
    cancelled: Callable[[], bool] | None = None,
) -> IntegratedGradient:
    """Integrated gradients of every head and MLP, or of every input token.

    Args:
        model: whose.
        prompt: text, token ids, or `Tokens`.
        metric: any; its position is where it is read.
        interventions: what is changed in every run on the path.
        of: "components" or "tokens".
        start: where token embeddings start: at the vocabulary's "mean", or at "zero".
        steps: at how many points the gradient is taken.
        cancelled: asked before every block; True raises `CancelledError`.

    Raises:
        SiteError: the model has no such parts, or no gradient reaches them.
        MechwidgetError: `steps` is not a number from 1 to 256.
    """
    path = AttributionPath(model, model.tokenize(prompt), metric, tuple(interventions), of, start)
    found = [path.at(share, cancelled) for share, _ in path.points(steps)]
    return path.integral(found, path.value(cancelled), path.value(cancelled, share=0.0))


@torch.no_grad()
def start_embedding(model: HookedModel, start: Start) -> torch.Tensor:
    """`[d]`: where token embeddings start, float32 on the CPU; the mean is over all tokens."""
    place = model.ledger.embed
    if place is None or EMBED not in model.sites:
        raise SiteError(f"{model.name} has no token embeddings that can be told apart.")
    ids = range(model.ledger.n_tokens or model.vocab_size)
    with model.lock:
        module = submodule(make_twin(model.model), place.module)
        if start == "zero":
            return torch.zeros_like(module(_row([0], model))[0, 0].float().cpu())
        parts = cut(ids, _EMBEDDED_AT_ONCE)
        sums = [module(_row(part, model))[0].double().sum(0).cpu() for part in parts]
    return (torch.stack(sums).sum(0) / len(ids)).float()


def _row(ids: Sequence[int], model: HookedModel) -> torch.Tensor:
    return torch.tensor([list(ids)], device=model.device)


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """What flows at some sites, moved towards a start: `start + share · (here - start)`.

    Attributes:
        sites: where.
        share: how much of it is left.
        start: `[d]`; None is zero.
        position: the only position that moves; None is all.
    """

    sites: tuple[Site, ...]
    share: float
    start: torch.Tensor | None = None
    position: int | None = None

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:  # noqa: ARG002 - the protocol
        """One edit per site."""
        return [Edit(site, partial(Moved._apply, self)) for site in self.sites]

    def _apply(self, carried: torch.Tensor) -> torch.Tensor:
        start = 0.0 if self.start is None else self.start.to(carried)
        moved: torch.Tensor = start + self.share * (carried - start)
        if self.position is None:
            return moved
        out = carried.clone()
        out[:, self.position] = moved[:, self.position]
        return out


def _gated(model: HookedModel) -> tuple[Site, ...]:
    """One site for each part: z where heads can be told apart, else the attention's write.

    In the answering stack and the others alike; attention to another stack has no gate.
    """
    heads = {site.layer for site in model.sites if site.name == "z"}
    return tuple(s for s in part_sites(model) if s.name != "attn_out" or s.layer not in heads)


def _once(
    heads: npt.NDArray[np.float64], attention: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Attentions, where there are heads as their sum."""
    known = ~np.isnan(heads).all(1)  # [layer, pos]
    return np.where(known, np.nansum(heads, 1), attention)
