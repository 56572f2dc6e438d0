"""One feature of a dictionary as a component, and the edit that changes it and nothing else.

What a feature holds is its activation at each position, `[batch, pos]`: what its dictionary's
`encode` says of the site that it reads. Every intervention on it changes that one number and puts

    x + decode(edited features) - decode(the features as they were)

in the place of what flows at the site that the dictionary writes. What the dictionary does not
explain of x, its error, thus stays as it is; it is never taken against features that are edited
already, which would undo the edit.

Several edits of one dictionary in a row are one edit in the space of its features: they are read
once, and each edit sees what the one before it left. Where something else has changed the site in
between, an autoencoder reads anew; a transcoder reads where it reads, which no edit of what it
writes can change.

In: a dictionary's name and a number. Out: a component whose edits are those of its site.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mechwidget.dictionaries.registry import find_dictionary, name_of
from mechwidget.errors import ComponentError, InterventionError
from mechwidget.interventions.component import Component, Index, count
from mechwidget.interventions.feature_edits import activation, edit_ahead, edit_in_place, look
from mechwidget.interventions.fields import short, token_positions, whole_number
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.sites import Site


@dataclass(frozen=True, slots=True)
class Feature(Component):
    """One feature of a registered dictionary, e.g. `mw.Feature("gpt2 resid_pre 8", 1207)`.

    Attributes:
        dictionary: the name that the dictionary is registered by; the dictionary itself is taken
            for its name.
        index: which of its features, from 0.
        positions: the token positions where it counts; None is all.
        layer: the layer of the site that it reads; -1 stands for what the dictionary says.
        fingerprint: that of the dictionary's numbers, where it has one, so that a recipe is never
            run with another dictionary of the same name.
    """

    kind = "feature"
    unit_field = "index"
    dictionary: str
    index: int
    positions: Sequence[int] | None = None
    layer: int = field(default=-1, repr=False)
    fingerprint: str = field(default="", repr=False)

    @property
    def site(self) -> Site:
        """The site that its dictionary reads."""
        return find_dictionary(self.dictionary).reads

    @property
    def absent(self) -> str:
        """Why an edit of it may find nothing to change."""
        return Edit.absent

    def width(self, model: HookedModel) -> int:  # noqa: ARG002 - what a component is asked
        """A feature is one number per position."""
        return 0

    def at(self, rows: list[int] | None) -> Index:
        """Where these positions are in its activations `[batch, pos]`."""
        return slice(None), slice(None) if rows is None else rows

    def held(self, tensor: torch.Tensor) -> torch.Tensor:
        """Its activations `[batch, pos]`, where its site holds `tensor`."""
        return activation(find_dictionary(self.dictionary), tensor, self.index)

    def placed(self, edit: Edit) -> Sequence[Edit]:
        """An edit of its activations `[batch, pos]` as edits of the sites of its dictionary."""
        known, shares = find_dictionary(self.dictionary), ("features", self.dictionary)
        if known.reads == known.writes:
            apply = partial(edit_in_place, known, self.index, edit.apply)
            return (replace(edit, apply=apply, shares=shares),)
        slot = object()  # where the look leaves what the edit's sources held
        read = partial(look, known, self.index, slot)
        write = partial(edit_ahead, known, self.index, edit.apply, slot)
        return (
            replace(edit, apply=read, shares=shares, looks=True),
            replace(edit, site=known.writes, apply=write, shares=shares, sources=()),
        )

    def _check_unit(self, model: HookedModel) -> None:
        known = find_dictionary(self.dictionary)
        if getattr(known, "fingerprint", "") != self.fingerprint:
            raise _other_dictionary(self)
        for verb, site in (("reads", known.reads), ("writes", known.writes)):
            if site not in model.sites:
                raise ComponentError(
                    f"{self} does not exist: its dictionary {verb} {site}, which {model.name} does "
                    "not have.",
                    f"It has {_near(site, model)}.",
                )
        widths = (("reads", known.reads, "d_in"), ("writes", known.writes, "d_out"))
        for verb, site, name in widths:
            wide, wanted = getattr(known, name, None), _width(site, model)
            if wide is not None and wide != wanted:
                raise ComponentError(
                    f"{self} does not exist: its dictionary {verb} {wide} numbers, and {site} of "
                    f"{model.name} has {wanted}."
                )

    def check(self, model: HookedModel) -> None:
        """Raise `ComponentError` unless the model has the sites of its dictionary."""
        self._check_unit(model)

    def __str__(self) -> str:
        where = f" at {', '.join(map(str, self.positions))}" if self.positions else ""
        return f"feature {self.index} of “{self.dictionary}”{where}"

    def __post_init__(self) -> None:
        given: Any = self.dictionary
        name = given if isinstance(given, str) else name_of(given)
        known = find_dictionary(name)
        index = whole_number(self.index, "feature index")
        if index >= known.n_features:
            has = count(known.n_features, "feature")
            raise ComponentError(f"Feature {index} of “{name}” does not exist: it has {has}.")
        fingerprint = getattr(known, "fingerprint", "")
        put = partial(object.__setattr__, self)
        put("dictionary", name)
        put("index", index)
        put("positions", token_positions(self.positions))
        if self.fingerprint and self.fingerprint != fingerprint:
            raise _other_dictionary(self)
        if self.layer not in (-1, known.reads.layer):
            raise InterventionError(
                f"The layer is {short(self.layer)}; “{name}” reads {known.reads}."
            )
        put("fingerprint", fingerprint)
        put("layer", known.reads.layer)


def _other_dictionary(feature: Feature) -> ComponentError:
    return ComponentError(
        f"The dictionary called “{feature.dictionary}” is another one than {feature} was of: its "
        "numbers are others.",
        "Register the one that was meant under this name, with replace=True.",
    )


def _near(site: Site, model: HookedModel) -> str:
    alike = [str(each) for each in model.sites if each.name == site.name]
    return f"{alike[0]} to {alike[-1]}" if alike else f"no {site.name} at all"


def _width(site: Site, model: HookedModel) -> int:
    """How many numbers a site that a dictionary may be of has at one position."""
    layer = site.layer or 0
    kind = {"z": "attention", "mlp_post": "mlp"}.get(site.name)
    write = model.ledger.blocks[layer].write("attention" if kind == "attention" else "mlp")
    if kind is not None and write is not None:
        return write.width
    return model.stack_of(layer).d_model
