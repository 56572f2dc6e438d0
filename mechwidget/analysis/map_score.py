"""What a score of the head map is: numbers for heads, attentions and MLPs, and what they mean.

A `MapScore` says in one line what its number is, in which unit, on which scale it is to be drawn
and what it needs; `compute` makes the numbers. Plugins make theirs of the same parts (see
`scores`).

In: `ScoreInputs`. Out: a `ScoreMap`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mechwidget.analysis.metrics import Metric
    from mechwidget.models import HookedModel, Intervention
    from mechwidget.models.prompts import Prompt

    Floats = npt.NDArray[np.float32]

Need = Literal["prompt", "pattern", "metric", "weights", "second prompt", "gradients"]
Scale = Literal["sequential", "diverging"]
METRIC_UNIT = "unit of the metric"
"""The unit of a score that is in whatever the metric is in; without one, nats."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoreMap:
    """One number per part of a model; nan where there is none.

    Attributes:
        heads: float32 `[layer, head]`, as wide as the layer with the most heads.
        attention: float32 `[layer]`, whole attentions.
        mlp: float32 `[layer]`.
        reason: why numbers are missing, or how to read them; empty where nothing is to be said.
        layers: float32 `[layer]`, whole layers; None where the score has no numbers for those.
    """

    heads: Floats
    attention: Floats
    mlp: Floats
    reason: str = ""
    layers: Floats | None = None

    @property
    def grid(self) -> Floats:
        """All of it as `[layer, head …, MLP, attention, layer]`."""
        layers = np.full_like(self.mlp, np.nan) if self.layers is None else self.layers
        return np.column_stack([self.heads, self.mlp, self.attention, layers])


@dataclass(frozen=True, slots=True)
class ScoreInputs:
    """What a score may look at.

    Attributes:
        model: the model.
        prompt: the prompt, where the score needs one.
        metric: what is measured, where the score needs it.
        source: the second prompt, where the score needs it.
        interventions: what the run is edited by.
        cancelled: asked before every block of the model.
        progress: told (done, total, map so far) by scores that take more than one run.
    """

    model: HookedModel
    prompt: Prompt | None = None
    metric: Metric | None = None
    source: Prompt | None = None
    interventions: Sequence[Intervention] = ()
    cancelled: Callable[[], bool] | None = None
    progress: Callable[[int, int, ScoreMap], object] | None = None


@dataclass(frozen=True, slots=True)
class MapScore:
    """A score that can colour the head map.

    Attributes:
        name: what it is called in code, e.g. "previous_token".
        title: what it is called on the page.
        convention: one line: what the number is and which way is up.
        unit: "logits", "nats", "share" …; empty for a pure number.
        scale: "sequential", or "diverging" around 0.
        range: the two ends that the number cannot leave; None where they depend on the numbers.
        needs: what has to be there.
        compute: from inputs to numbers.
        follows_edits: whether it reads the run with `ScoreInputs.interventions`; one that does not
            says the same whatever is edited.
    """

    name: str
    title: str
    convention: str
    unit: str
    scale: Scale
    range: tuple[float, float] | None
    needs: frozenset[Need]
    compute: Callable[[ScoreInputs], ScoreMap] = field(repr=False)
    follows_edits: bool = True

    def __call__(self, inputs: ScoreInputs) -> ScoreMap:
        """Compute it.

        Raises:
            MechwidgetError: an input that it needs is missing, or the model cannot have it.
        """
        held: dict[Need, Any] = {
            "prompt": inputs.prompt,
            "pattern": inputs.prompt,
            "metric": inputs.metric,
            "second prompt": inputs.source,
            "gradients": inputs.prompt,
        }
        for need in sorted(self.needs & held.keys()):
            if held[need] is None:
                wanted = "prompt" if need in ("pattern", "gradients") else need
                raise MechwidgetError(f"The score {self.name!r} needs a {wanted}.")
        return self.compute(inputs)


def empty_map(model: HookedModel, reason: str = "") -> ScoreMap:
    """A map of this model in which nothing is known yet."""
    layers = range(model.n_layers)
    heads = max((model.n_heads(layer) for layer in layers), default=0)
    parts = [
        np.full(shape, np.nan, dtype=np.float32)
        for shape in ((len(layers), heads), *[(len(layers),)] * 3)
    ]
    return ScoreMap(parts[0], parts[1], parts[2], reason, parts[3])


def grid_map(grid: Floats, reason: str = "") -> ScoreMap:
    """`ScoreMap.grid` taken apart again."""
    heads, (mlp, attention, layers) = grid[:, :-3], grid[:, -3:].T
    return ScoreMap(heads, attention, mlp, reason, layers)


def number_map(model: HookedModel, numbers: Any) -> ScoreMap:
    """Numbers of a person's own, `[layer, head]`, as a map; nan is "nothing here".

    Args:
        model: whose heads they are about.
        numbers: an array, a tensor or nested lists of real numbers.

    Raises:
        MechwidgetError: not `[layer, head]` of this model, or not numbers.
    """
    made = empty_map(model)
    found = _as_array(numbers)
    if found.shape != made.heads.shape:
        raise MechwidgetError(
            f"The numbers have shape {list(found.shape)}; expected [layer, head] = "
            f"{list(made.heads.shape)} for {model.name}."
        )
    if np.isinf(found).any():
        raise MechwidgetError("Some of the numbers are infinite.", "Use nan for a head without.")
    for layer in range(model.n_layers):
        found[layer, model.n_heads(layer) :] = np.nan
    return ScoreMap(found, made.attention, made.mlp)


def _as_array(numbers: Any) -> Floats:
    if hasattr(numbers, "detach"):
        numbers = numbers.detach().cpu().float().numpy()
    try:
        found = np.array(numbers)
    except (TypeError, ValueError) as error:
        raise MechwidgetError(f"These are no numbers [layer, head]: {error}") from error
    if found.dtype.kind not in "iufb":
        raise MechwidgetError(f"These are no real numbers, but {found.dtype}.")
    return found.astype(np.float32)
