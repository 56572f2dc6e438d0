"""Gradients: how a number read off the logits moves with the activations at some sites.

One forward and one backward pass. The tape starts at the first site that is asked for: what comes
before it is replayed or computed without one, and parameters take no part, so that no `.grad` is
written and nothing of the user's is touched.

In: a metric, sites, and perhaps interventions, which are in force. Out: `Gradients`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import torch

from mechwidget.errors import InterventionError, SiteError, UnsupportedModelError
from mechwidget.models.budget import ran_out
from mechwidget.models.calling import with_gradients
from mechwidget.models.edit import Edit
from mechwidget.models.other_runs import read_sources
from mechwidget.models.run import ReadOut
from mechwidget.models.sites import names_one_site, resolve_sites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mechwidget.models.edit import Intervention
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.plan import Plan
    from mechwidget.models.prompts import Prompt
    from mechwidget.models.sites import Site, SiteLike
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.traffic import Fired


class BoundMetric(Protocol):
    """A number read off the logits of one position: `read(logits[vocab])`, a scalar tensor."""

    position: int
    read: Callable[[torch.Tensor], torch.Tensor]


@runtime_checkable
class Metric(Protocol):
    """Anything that can be bound to a model and a prompt, such as `mw.LogitDiff`."""

    def bind(self, model: Any, n_positions: int) -> BoundMetric:
        """Check it against a model and a prompt length."""
        ...


MetricLike: TypeAlias = "Metric | Callable[[torch.Tensor], torch.Tensor]"


@dataclass(frozen=True, slots=True, eq=False)
class Gradients:
    """A metric and its derivatives: `found["z", 3]`, of the shape of `found.read["z", 3]`.

    To first order, `(found.read[site] * found[site]).sum(-1)` is what the metric would lose with
    that part of the activation set to 0, and `((other - found.read[site]) * found[site]).sum(-1)`
    what it would gain with another run's in its place (attribution patching).

    Attributes:
        value: the metric.
        gradient: d metric / d activation, by site, as it flowed on after the interventions.
        read: those activations.
        logits: `[batch, pos, vocab]`, at the metric's position, or at all of them for a function.
        tokens: the prompt.
        fired: what each edit changed.
        attention: "own" or "explicit", as in `Run`.
        plan: what was computed, and what was replayed.
    """

    value: float
    gradient: ReadOut
    read: ReadOut
    logits: torch.Tensor
    tokens: Tokens
    fired: tuple[Fired, ...]
    attention: str
    plan: Plan

    def __getitem__(self, like: SiteLike) -> torch.Tensor:
        return self.gradient[like]


def gradients(  # noqa: D417 - a method of `HookedModel`
    self: HookedModel,
    prompt_or_ids: Prompt,
    metric: MetricLike,
    sites: Iterable[SiteLike],
    interventions: Sequence[Intervention] = (),
    *,
    cancelled: Callable[[], bool] | None = None,
    replay: bool = True,
) -> Gradients:
    """How a metric moves with the activations at some sites, from one forward and one backward.

    Parameters get no `.grad`, and what the caller switched off (`torch.no_grad`,
    `torch.inference_mode`) does not matter. The weights and the tape are free afterwards.

    Args:
        prompt_or_ids: text, token ids, or `Tokens`.
        metric: `mw.LogitDiff`, `mw.Probability` and the like, or a function from logits
            `[1, pos, vocab]` to a tensor of one number.
        sites: where; `"resid_post"` means in every layer.
        interventions: what is changed in the run, in this order; their sources are constants.
        cancelled: asked before every block; True raises `CancelledError`.
        replay: whether blocks before the first edit or site may be taken from a remembered run.

    Raises:
        SiteError: a site that the model does not have, or that no gradient reaches.
        InterventionError: a metric that gives no number, or an intervention that is wrong here.
        UnsupportedModelError: the model overwrites what its own gradient needs.
    """
    tokens = self.tokenize(prompt_or_ids)
    asked: Any = (sites,) if names_one_site(sites) else tuple(sites)
    wanted = {site: None for like in asked for site in resolve_sites(like, self.sites)}
    if not wanted:
        raise SiteError("No site was named.", 'Write e.g. ["resid_post"].')
    answers = 1 if self.ledger.pooled else len(tokens)
    bound = metric.bind(self, answers) if isinstance(metric, Metric) else None
    tape = _Tape(tuple(wanted))
    keep = None if bound is None else [bound.position]
    traffic = self._traffic(tokens, [*interventions, tape], wanted, keep)

    def work() -> tuple[torch.Tensor, torch.Tensor, bool, Plan]:
        forward = self._forward_of(tokens, cancelled, gradients=True)
        logits, explicit, plan = self._planner.run(forward, tokens, traffic, keep, replay=replay)
        value = _value(metric(logits) if bound is None else bound.read(logits[0, 0]))  # type: ignore[operator]
        tape.wind_back(value)
        return value.detach(), logits.detach(), explicit, plan

    with self.lock:
        read_sources(self, [traffic], tokens, cancelled, replay=replay)
        try:
            value, logits, explicit, plan = with_gradients(work)
        finally:
            tape.held.clear()
    fired = tuple(each for each in traffic.fired() if each.intervention < len(interventions))
    return Gradients(
        value=float(value),
        gradient=ReadOut(tape.found),
        read=ReadOut(traffic.take()),
        logits=logits,
        tokens=tokens,
        fired=fired,
        attention="explicit" if explicit else "own",
        plan=plan,
    )


class _Tape:
    """What flows on from some sites, held until the gradient has come back to them.

    It takes part in a run as the last intervention at each site, so that the planner knows from
    where on blocks have to be computed; it changes no number.
    """

    def __init__(self, sites: tuple[Site, ...]) -> None:
        self.sites = sites
        self.held: dict[Site, torch.Tensor] = {}
        self.found: dict[Site, torch.Tensor] = {}

    def edits(self, _model: HookedModel, _n_positions: int) -> Sequence[Edit]:
        """One edit per site."""
        return [Edit(site, partial(self._hold, site)) for site in self.sites]

    def _hold(self, site: Site, tensor: torch.Tensor) -> torch.Tensor:
        if not torch.is_grad_enabled():  # a proof of the planner's, or a part under no_grad
            return tensor
        if not tensor.is_floating_point():
            raise SiteError(f"{site} holds no real numbers, so that nothing has a gradient there.")
        if tensor.requires_grad:
            held = tensor.view_as(tensor)  # not what anybody else goes on with
        else:
            held = (tensor.clone() if tensor.is_inference() else tensor).detach().requires_grad_()
        self.held[site] = held
        return held.clone()  # what the model may write into

    def wind_back(self, value: torch.Tensor) -> None:
        """The backward pass from `value` to every site."""
        reached = [self.held.get(site) for site in self.sites]
        if value.requires_grad and None not in reached:
            try:
                reached = list(torch.autograd.grad(value, reached, allow_unused=True))  # type: ignore[arg-type]
            except RuntimeError as error:
                if ran_out(error):
                    raise
                raise UnsupportedModelError(
                    f"The backward pass failed: {str(error).splitlines()[0]}",
                    "The model may write into activations in place; HookedModel.run still works.",
                ) from error
        else:
            reached = [None if not value.requires_grad else held for held in reached]
        for site, gradient in zip(self.sites, reached, strict=True):
            if gradient is None:
                raise SiteError(
                    f"No gradient reaches {site}: the metric does not depend on what flows there, "
                    "or the model computes what comes after it without gradients "
                    "(torch.no_grad, detach or an operation that has none).",
                    "Ask for sites that are later in the model, or for another metric.",
                )
            self.found[site] = gradient.detach()


def _value(found: object) -> torch.Tensor:
    if not isinstance(found, torch.Tensor) or found.numel() != 1 or not found.is_floating_point():
        shown = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise InterventionError(
            f"The metric gave {shown}; expected a tensor of one number, made of the logits.",
            "A float has lost its way back to the logits: leave out float() and .item().",
        )
    return found.reshape(())
