"""Patching: put what a component held in another prompt's run in the place of what it holds here.

The other prompt (`source`) is run without interventions, on the same model and inside the same
run; the component's activation (see `components`) is copied, nothing else. An `ExpertNeuron` gets
0 where the other prompt's token was not sent to its expert.

Which position goes where is `align`:

- "same": position p here from position p there, negative ones from the end of each prompt. With no
  positions named, the prompts must be equally long.
- "end": counted from the end of both prompts; where the source is longer or shorter, what has a
  counterpart is patched.
- pairs `((here, there), …)`: as they say, negative ones from the end of each prompt. Then the
  component itself names no positions.

In a generation it patches the prompt; generated tokens follow from it and are not patched.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError
from mechwidget.interventions.components import SITED
from mechwidget.interventions.fields import (
    MOST_POSITIONS,
    Given,
    brief,
    integer,
    one_of,
    short,
    source,
)
from mechwidget.interventions.intervention import Intervention, require_component
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.interventions.component import Component
    from mechwidget.models.hooked_model import HookedModel

ALIGNMENTS = ("same", "end")
Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Patch(Intervention):
    """Patch `component` from `source`, e.g. `mw.Patch(mw.Head(1, 2), "When Tom and Ann")`.

    Attributes:
        component: a `Head`, `Attention`, `MLP`, `Neuron`, `ExpertNeuron`,
            `Feature` or `Residual`.
        source: the other prompt: text or token ids, pixels or sound, or `Inputs` of them. Pixels
            and sound are copied; an intervention that holds them has no JSON.
        align: "same", "end", or pairs of positions (here, there).
    """

    kind = "patch"
    component: Component
    source: Given
    align: str | Pairs = "same"

    def __post_init__(self) -> None:
        require_component(self.component, "Patch", SITED)
        object.__setattr__(self, "source", source(self.source, "The source"))
        object.__setattr__(self, "align", _alignment(self.align))
        if not isinstance(self.align, str) and self.component.positions is not None:
            raise InterventionError(
                f"{self.component} names positions, and so does the alignment.",
                "Give pairs (here, there) for a component without positions.",
            )

    @property
    def sentence(self) -> str:
        """What it does, in words."""
        where = ""
        if not isinstance(self.align, str):
            pairs = [f"{here} from {there}" for here, there in self.align]
            where = f", {', '.join(pairs)}"
        elif self.align == "end":
            where = ", ends aligned"
        return f"Patch {self.component} from {brief(self.source)}{where}"

    @property
    def prompt_only(self) -> bool:
        """What the other prompt held has its place in this prompt."""
        return True

    def edits(self, model: HookedModel, n_positions: int) -> Sequence[Edit]:
        """One edit of the component's site, with the other prompt as its source."""
        self.component.check(model)
        tokens = model.tokenize(self.source)
        here, there = self.aligned(n_positions, model.n_positions(tokens, self.component.layer))
        apply = partial(_patched, self.component.at(here), self.component.at(there))
        idle = "the other prompt holds the same there"
        absent = self.component.absent
        edit = Edit(self.component.site, apply, sources=(tokens,), idle=idle, absent=absent)
        return self.component.placed(edit)

    def aligned(self, n: int, m: int) -> tuple[list[int] | None, list[int] | None]:
        """Positions here, in a prompt of `n` tokens, and there, in one of `m`; None for all."""
        component, align = self.component, self.align
        if align == "same" and component.positions is None:
            if n == m:
                return None, None
            raise InterventionError(
                f"The prompt has {n} tokens and the source {m}, so positions do not match.",
                'Name positions, or align="end", or pairs of positions (here, there).',
            )
        if not isinstance(align, str):
            pairs = [(component.place(a, n), component.place(b, m)) for a, b in align]
        elif align == "same":
            named = component.positions or ()
            pairs = [(component.place(p, n), component.place(p, m)) for p in named]
        else:
            here = component.rows(n) or range(n)
            pairs = [(p, p - n + m) for p in here if component.positions or p - n + m >= 0]
            if min(there for _, there in pairs) < 0:
                raise InterventionError(f"The source has {m} tokens: too few to align {component}.")
        if len({a for a, _ in pairs}) < len(set(pairs)):
            raise InterventionError(f"{self.sentence} takes one position from two.")
        return [a for a, _ in pairs], [b for _, b in pairs]


def _patched(
    here: tuple[Any, ...], there: tuple[Any, ...], tensor: torch.Tensor, source: torch.Tensor
) -> torch.Tensor:
    edited = tensor.clone()
    edited[here] = source[there].to(tensor.device)
    return edited


def _alignment(value: Any) -> str | Pairs:
    if isinstance(value, str):
        return one_of(value, "align", ALIGNMENTS)
    expected = "expected 'same', 'end' or pairs of positions (here, there)"
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= MOST_POSITIONS:
        raise InterventionError(f"align is {short(value)}; {expected}.")
    pairs = set()
    for pair in value:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise InterventionError(f"align has {short(pair)}; {expected}.")
        pairs.add((integer(pair[0], "a position"), integer(pair[1], "a position")))
    return tuple(sorted(pairs))
