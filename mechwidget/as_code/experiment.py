"""What a script is about, checked: the model, the prompt, the interventions and the metric.

In: what `as_code` was given. Out: an `Experiment`, and an `InterventionError` for what one of the
styles cannot say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mechwidget.analysis import LogitDiff, Probability
from mechwidget.as_code.layout import Expression, Text, numbers
from mechwidget.errors import InterventionError
from mechwidget.models.forward_source import ForwardSource
from mechwidget.models.sites import CROSS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.analysis import BoundMetric, Metric
    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel, Tokens


@dataclass(frozen=True)
class Experiment:
    """One prompt under interventions, and what is measured.

    Attributes:
        model: the hooked model.
        prompt: as it was given; `tokens`, what the model makes of it.
        interventions: those that are on, in order.
        metric: what is measured, and `bound` to this model and prompt; None for nothing.
        position: the token whose prediction is printed.
    """

    model: HookedModel
    prompt: Any
    tokens: Tokens
    interventions: tuple[Intervention, ...]
    metric: Metric | None
    bound: BoundMetric | None
    position: int

    @property
    def double(self) -> bool:
        """Whether numbers need the digits of float64."""
        return str(self.model.dtype) == "torch.float64"

    @property
    def prompts(self) -> tuple[Any, ...]:
        """Every prompt that the script runs, its own first."""
        others: list[Any] = []
        for intervention in self.interventions:
            others += getattr(intervention, "over", ())
            others += [intervention.source] if hasattr(intervention, "source") else []
        return (self.prompt, *others)

    def written(self, prompt: Any) -> Expression:
        """A prompt as it stands in the script: text where the tokenizer alone gives its ids."""
        if self.is_text(prompt):
            return Text(prompt)
        return numbers(self.model.tokenize(prompt).ids)

    def is_text(self, prompt: Any) -> bool:
        """Whether a prompt is text that the tokenizer turns into the ids that were run."""
        if not isinstance(prompt, str) or self.model.tokenizer is None:
            return False
        return tuple(self.model.tokenizer(prompt)["input_ids"]) == self.model.tokenize(prompt).ids


def experiment_of(
    model: HookedModel,
    prompt: Any,
    interventions: Sequence[Intervention],
    metric: Metric | None,
    position: int,
) -> Experiment:
    """The experiment; each intervention and the metric are checked against model and prompt."""
    tokens = model.tokenize(prompt)
    for intervention in interventions:
        intervention.edits(model, model.n_positions_for(intervention, tokens))
    bound = None if metric is None else metric.bind(model, len(tokens))
    place = position if bound is None else bound.position
    return Experiment(model, prompt, tokens, tuple(interventions), metric, bound, place)


def require_one_text_stack(experiment: Experiment, style: str) -> None:
    """Raise unless the model is called with token ids alone and answers at each position."""
    model, why = experiment.model, ""
    if not isinstance(model.source, ForwardSource):
        why = "is called through a Source of its own"
    elif len(model.stacks) > 1 or experiment.tokens.signal is not None:
        why = "reads something else than one sequence of token ids"
    elif model.ledger.pooled or model.ledger.answer == "hidden state":
        why = "does not answer with logits at each position"
    elif has_named_places(model):
        why = "has sites that were named by hand"
    if why:
        raise not_in(style, f"{model.name} {why}")
    if not isinstance(experiment.metric, LogitDiff | Probability | None):
        kind = type(experiment.metric).__name__
        raise not_in(style, f"the metric is a {kind}, and only LogitDiff and Probability are known")


def has_named_places(model: HookedModel) -> bool:
    """Whether a place that interventions edit was named by hand, and not traced.

    Queries, keys and values are edited by none; where they are found is no matter here.
    """
    names = {named.site.name.removeprefix(CROSS) for named in model.ledger.named}
    return not names <= {"q", "k", "v"}


def not_in(
    style: str, why: str, hint: str = 'style="mechwidget" has words for it.'
) -> InterventionError:
    """The error for an experiment that a style has no words for."""
    return InterventionError(f"There is no script in the style {style!r}: {why}.", hint)
