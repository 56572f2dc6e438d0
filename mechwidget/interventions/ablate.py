"""Ablation: take a component out of the forward pass.

What "zero" means, exactly. The component's activation (see `components`) is set to 0 at the chosen
positions, and nothing else is touched. Without an `Attention` or an `MLP`, what is left is the
stream as it would pass by. Without a `Head` or a neuron, the sum still has the bias b of the
projection that it goes into; a head whose values have a bias loses that bias too, because it is in
`z`. Tools that fold value biases into b_O before they ablate keep it, and get other numbers.
Without a `Feature`, its dictionary's bias, its other features and its error stay.

What "mean" means: the same tensor gets the mean of what it held over a reference set of prompts
(`over`), run without interventions: one mean over all their positions, or, `by_position`, at each
position the mean over those prompts that are long enough to have it. Every token of the reference
counts, special ones too; a neuron of an expert that a token was not sent to counts as 0.
`Ablate.reference` shows the mean with its n and standard deviation.

What "resample" means: it gets what it held in one run of one prompt of `over`, position by
position; with several, `seed` picks one at random among those that are long enough, always the
same for the same seed.

In a generation, "zero" and one "mean" apply to generated tokens as to the prompt's; what is taken
position by position applies to the prompt.

Where the reference is the same everywhere, as the output of a bias is, "mean" and "resample" leave
it alone; "zero" does not.

In: a component and a mode. Out: the edit that a run applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError
from mechwidget.interventions.components import SITED
from mechwidget.interventions.fields import Given, boolean, brief, one_of, source, whole_number
from mechwidget.interventions.intervention import (
    Intervention,
    component_edits,
    require_component,
)
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.interventions.component import Component
    from mechwidget.interventions.reference import Reference
    from mechwidget.models.hooked_model import HookedModel

MODES = ("zero", "mean", "resample")
MOST_PROMPTS = 10_000


@dataclass(frozen=True, slots=True)
class Ablate(Intervention):
    """Take `component` out of the forward pass.

    Attributes:
        component: a `Head`, `Attention`, `MLP`, `Neuron`, `ExpertNeuron`,
            `Feature` or `Residual`.
        mode: what takes its place: "zero", "mean" or "resample".
        over: the reference prompts of "mean" and "resample": one, or a list of several; of pixels
            and sound as of text, but those have no JSON.
        by_position: whether "mean" is taken at each position apart.
        seed: which of several prompts "resample" picks.
    """

    kind = "ablate"
    always = ("mode",)
    component: Component
    mode: str = "zero"
    over: tuple[Given, ...] = ()
    by_position: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        require_component(self.component, "Ablate", SITED)
        one_of(self.mode, "Ablate mode", MODES)
        object.__setattr__(self, "over", _prompts(self.over))
        boolean(self.by_position, "by_position")
        object.__setattr__(self, "seed", whole_number(self.seed, "The seed"))
        if bool(self.over) == (self.mode == "zero"):
            wanted = "no reference prompts" if self.over else "reference prompts, over=[…]"
            raise InterventionError(f"Ablate mode is {self.mode!r}; expected {wanted} with it.")
        if self.by_position and self.mode != "mean":
            raise InterventionError(f"by_position belongs to mode 'mean', not {self.mode!r}.")
        if self.seed and self.mode != "resample":
            raise InterventionError(f"A seed belongs to mode 'resample', not {self.mode!r}.")

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        if self.mode == "zero":
            return f"Zero {self.component}"
        one = len(self.over) == 1
        which = brief(self.over[0]) if one else f"{len(self.over)} prompts"
        if self.mode == "resample":
            which = which if one else f"one of {which} (seed {self.seed})"
            return f"Resample {self.component} from {which}"
        each = ", position by position" if self.by_position else ""
        return f"Mean-ablate {self.component} over {which}{each}"

    @property
    def prompt_only(self) -> bool:
        """What is taken position by position is taken for the positions of the prompt."""
        return self.mode == "resample" or self.by_position

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """The edit for one run over `n_positions` tokens, checked against `model`."""
        self.component.check(model)
        if self.mode == "zero":
            return component_edits(self.component, n_positions, lambda _: 0.0, "it was 0 already")
        prompts = [model.tokenize(each) for each in self.over]
        rows = self.component.rows(n_positions)
        if self.mode == "resample" or self.by_position:
            last = n_positions - 1 if rows is None else rows[-1]
            lengths = [model.n_positions(tokens, self.component.layer) for tokens in prompts]
            _require_long_enough(max(lengths), last, self.component)
            if self.mode == "resample":
                fit = [t for t, n in zip(prompts, lengths, strict=True) if n > last]
                prompts = [fit[Random(self.seed).randrange(len(fit))]]  # noqa: S311 - no secret
        change = _resampled if self.mode == "resample" else _averaged
        where = range(n_positions) if rows is None else rows
        apply = partial(change, self, list(where))
        absent = self.component.absent
        edit = Edit(self.component.site, apply, sources=tuple(prompts), absent=absent)
        return self.component.placed(edit)

    def reference(self, model: HookedModel) -> Reference:
        """The mean over `over` that takes the component's place, with n and std.

        For "mean" only; by position, over every position of the longest prompt.
        """
        if self.mode != "mean":
            raise InterventionError(f"Mode {self.mode!r} has no mean.")
        self.component.check(model)
        site = self.component.site
        runs = (model.run(each, read=[site], positions=[-1]) for each in self.over)
        held = [self.component.held(run.read[site]) for run in runs]
        return _reference_of(self.component, held, by_position=self.by_position)


def _averaged(
    ablate: Ablate, rows: list[int], tensor: torch.Tensor, *held: torch.Tensor
) -> torch.Tensor:
    edited = tensor.clone()
    mean = _reference_of(ablate.component, held, by_position=ablate.by_position).mean
    edited[ablate.component.at(rows)] = (mean[rows] if ablate.by_position else mean).to(tensor)
    return edited


def _resampled(
    ablate: Ablate, rows: list[int], tensor: torch.Tensor, held: torch.Tensor
) -> torch.Tensor:
    edited, where = tensor.clone(), ablate.component.at(rows)
    edited[where] = held[where].to(tensor)
    return edited


def _prompts(value: Any) -> tuple[Given, ...]:
    listed = isinstance(value, (list, tuple))
    one = not listed or (len(value) > 0 and all(isinstance(each, int) for each in value))
    given = [value] if one else value
    if len(given) > MOST_PROMPTS:
        raise InterventionError(f"over has more than {MOST_PROMPTS:,} prompts.")
    return tuple(source(each, "A reference prompt") for each in given)


def _reference_of(
    component: Component, held: Sequence[torch.Tensor], *, by_position: bool
) -> Reference:
    # Torch is imported when an edit is applied, not when an intervention is made.
    from mechwidget.interventions.reference import reference_of  # noqa: PLC0415

    return reference_of(component, held, by_position=by_position)


def _require_long_enough(longest: int, last: int, component: Component) -> None:
    """Raise `InterventionError` unless position `last` is in a prompt of `longest` tokens."""
    if longest <= last:
        raise InterventionError(
            f"{component} is to be replaced up to position {last}, and the longest reference "
            f"prompt has {longest} tokens.",
            "Give a longer one, or name the positions.",
        )
