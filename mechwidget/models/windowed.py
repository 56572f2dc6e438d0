"""Edits of a window: what interventions do to the positions of one call in a generation.

An intervention acts on the prompt, on generated tokens or on both. Where a window holds both and it
acts on one, its edits are shown those positions only and the others pass by. A pattern is shown
with all keys from position 0, also where a sliding window's cache has dropped the first ones.

In: interventions, when each acts, and a `Window`. Out: edits for the hooks, by index.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from mechwidget.errors import InterventionError
from mechwidget.models.sites import BY_QUERY, CROSS
from mechwidget.models.traffic import edits_of
from mechwidget.models.window import WHEN, When

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mechwidget.models.edit import Edit
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.window import Window


@dataclass(frozen=True, slots=True)
class Timed:
    """An intervention, and when it acts.

    Attributes:
        intervention: what is done.
        on: to the prompt, to what is generated, or to both.
        elsewhere: where it works in another stack than the text's, how many positions that has:
            they are all there from the start.
    """

    intervention: Any
    on: When
    elsewhere: int = 0

    @property
    def scope(self) -> When:
        """The part of the text that it can act on."""
        prompt_only = getattr(self.intervention, "prompt_only", False) or self.elsewhere
        return "prompt" if prompt_only else self.on

    @property
    def takes_windows(self) -> bool:
        """Whether it can be asked for the edits of generated positions alone."""
        return self.scope == "prompt" or hasattr(self.intervention, "edits_at")


def timed(
    interventions: Sequence[Any], on: When | Sequence[When], model: HookedModel, tokens: Tokens
) -> tuple[Timed, ...]:
    """Each intervention with its own `on`, or with the one that is given for all of them."""
    given = [on] * len(interventions) if isinstance(on, str) else list(on)
    if len(given) != len(interventions):
        raise InterventionError(
            f"on has {len(given)} entries for {len(interventions)} interventions; expected one "
            "each, or one for all."
        )
    for when in given:
        if when not in WHEN:
            raise InterventionError(
                f"on is {when!r}; expected {', '.join(map(repr, WHEN[:-1]))} or {WHEN[-1]!r}."
            )
    return tuple(
        Timed(one, when, _elsewhere(one, model, tokens))
        for one, when in zip(interventions, given, strict=True)
    )


def _elsewhere(intervention: Any, model: HookedModel, tokens: Tokens) -> int:
    layer = getattr(getattr(intervention, "target", None), "layer", None)
    if not isinstance(layer, int) or not 0 <= layer < model.n_layers:
        return 0
    return 0 if model.stack_of(layer).main else model.n_positions(tokens, layer)


def check_timed(some: Sequence[Timed], model: HookedModel, whole: Window) -> None:
    """Raise the error that an intervention would raise at some position of the text."""
    for one in some:
        if one.on == "generated":
            if one.scope == "prompt":
                raise InterventionError(
                    f"{one.intervention} says what to do at each position of the prompt, so that "
                    "it means nothing for generated tokens.",
                    'Leave it on "both" or "prompt".',
                )
            if not one.takes_windows:
                raise InterventionError(
                    f"{type(one.intervention).__name__} does not say what it does to generated "
                    "positions alone.",
                    "Give it a method edits_at(model, window).",
                )
        named = getattr(getattr(one.intervention, "target", None), "positions", None)
        part = whole.during(one.on)
        if one.elsewhere:
            continue
        if named and not any(part and whole.place(p, one.intervention) in part for p in named):
            raise InterventionError(
                f"{one.intervention} names no position that is {one.on}: the prompt has "
                f"{whole.prompt} tokens."
            )
    edits_in(some, model, whole)


def edits_in(
    some: Sequence[Timed], model: HookedModel, window: Window
) -> tuple[tuple[int, Edit], ...]:
    """The edits of all of them in one call of the model, each with its intervention's index."""
    return tuple(
        (index, edit if one.elsewhere else _fitted(edit, part, window))
        for index, one in enumerate(some)
        if (part := window.during(one.scope)) is not None
        for edit in _edits(one, model, part)
        if edit.site.name != "logits" or part.stop == window.stop  # only the last are computed
    )


def _edits(one: Timed, model: HookedModel, part: Window) -> Sequence[Edit]:
    intervention = one.intervention
    if one.elsewhere:
        return edits_of(intervention, model, one.elsewhere)
    if hasattr(intervention, "edits_at"):
        found: Sequence[Edit] = intervention.edits_at(model, part)
        return found
    return edits_of(intervention, model, part.stop)


def _fitted(edit: Edit, part: Window, window: Window) -> Edit:
    """An edit of a part of a window, as one of the whole of it."""
    by_query = edit.site.name in BY_QUERY
    if by_query and not edit.site.name.startswith(CROSS):  # whose keys grow with the text
        return replace(edit, apply=partial(_on_rows, edit, part, window))
    if len(part) == len(window) or edit.site.name == "logits":
        return edit
    apply = partial(_on_positions, edit, part, window, 2 if by_query else 1)
    return replace(edit, apply=apply)


def _on_positions(
    edit: Edit,
    part: Window,
    window: Window,
    axis: int,
    tensor: torch.Tensor,
    *given: Any,
) -> torch.Tensor:
    """A tensor over the window's positions along `axis`, with the edit's own ones edited."""
    before, here, after = _split(tensor, axis, part, window)
    return torch.cat((before, edit.apply(here, *given).to(tensor), after), axis)


def _on_rows(
    edit: Edit, part: Window, window: Window, tensor: torch.Tensor, *given: Any
) -> torch.Tensor:
    """`[batch, head, query, key]` of the window, with the edit's own queries edited."""
    dropped = window.stop - tensor.shape[-1]  # keys that the cache does not hold any more
    if dropped == 0 and len(part) == len(window):
        return edit.apply(tensor, *given)
    before, here, after = _split(tensor, 2, part, window)
    nothing = torch.finfo(tensor.dtype).min if edit.site.name == "scores" else 0.0
    gone = here.new_full((*here.shape[:-1], dropped), nothing)
    keys = torch.cat((gone, here), -1)
    edited = edit.apply(keys[..., : part.stop], *given).to(tensor)
    if not torch.equal(edited[..., :dropped], gone):
        raise InterventionError(
            f"The edit at {edit.site} attends to positions that this layer's sliding window has "
            "left behind, and whose keys the model's cache has dropped.",
            "Generate with cache=False.",
        )
    whole = torch.cat((edited[..., dropped:], keys[..., part.stop :]), -1)
    return torch.cat((before, whole, after), 2)


def _split(
    tensor: torch.Tensor, axis: int, part: Window, window: Window
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What of it lies before, in and after `part`."""
    start, stop = part.start - window.start, part.stop - window.start
    before, here = tensor.narrow(axis, 0, start), tensor.narrow(axis, start, len(part))
    return before, here, tensor.narrow(axis, stop, len(window) - stop)
