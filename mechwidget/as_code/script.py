"""One experiment as a runnable script, in one of three styles.

In: a hooked model, a prompt, interventions and a metric. Out: Python source that prints the top
tokens and the metric, before and after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.as_code.experiment import experiment_of
from mechwidget.as_code.lens import transformer_lens
from mechwidget.as_code.own import own
from mechwidget.as_code.plain_hooks import plain_hooks
from mechwidget.errors import InterventionError
from mechwidget.interventions.fields import short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mechwidget.analysis import Metric
    from mechwidget.as_code.experiment import Experiment
    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel

STYLES: dict[str, Callable[[Experiment], str]] = {
    "mechwidget": own,
    "hooks": plain_hooks,
    "transformer_lens": transformer_lens,
}


def as_code(
    model: HookedModel,
    prompt: Any,
    interventions: Sequence[Intervention] = (),
    metric: Metric | None = None,
    style: str = "mechwidget",
    *,
    position: int = -1,
) -> str:
    """A script that runs `prompt` without and with `interventions` and prints `metric`.

    Args:
        model: a hooked model; one that `load` took from a name or folder is loaded by the script,
            with the weights that are stored there; another one is taken from the notebook in which
            the script is run.
        prompt: text or token ids.
        interventions: what is done, in this order.
        metric: a `LogitDiff` or a `Probability`; None prints the top tokens only.
        style: "mechwidget", "hooks" (PyTorch hooks on a Hugging Face model) or
            "transformer_lens" (a `TransformerBridge`).
        position: the token whose prediction is printed where there is no metric.

    Raises:
        InterventionError: the style has no words for it; the message says why and which has.
    """
    if style not in STYLES:
        raise InterventionError(
            f"There is no style {short(style)}; expected {' or '.join(map(repr, STYLES))}."
        )
    return STYLES[style](experiment_of(model, prompt, interventions, metric, position))
