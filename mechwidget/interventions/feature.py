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

from mechwidget.dictionaries.dictionary import Dictionary
from mechwidget.dictionaries.registry import find_dictionary, name_of
from mechwidget.errors import ComponentError, InterventionError
from mechwidget.interventions.component import Component, Index, count
from mechwidget.interventions.fields import short, token_positions, whole_number
from mechwidget.models.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from mechwidget.dictionaries.contract import FeatureDictionary
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
        return _activation(find_dictionary(self.dictionary), tensor, self.index)

    def placed(self, edit: Edit) -> Sequence[Edit]:
        """An edit of its activations `[batch, pos]` as edits of the sites of its dictionary."""
        known, shares = find_dictionary(self.dictionary), ("features", self.dictionary)
        if known.reads == known.writes:
            apply = partial(_edit_in_place, known, self.index, edit.apply)
            return (replace(edit, apply=apply, shares=shares),)
        slot = object()  # where the look leaves what the edit's sources held
        look = partial(_look, known, self.index, slot)
        write = partial(_edit_ahead, known, self.index, edit.apply, slot)
        return (
            replace(edit, apply=look, shares=shares, looks=True),
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


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What a dictionary has read in this pass.

    Attributes:
        x: what flowed at the site that it reads, the heads of z joined, `[batch, pos, d_in]`.
        edited: the activations `[batch, pos]` of the features that edits have changed.
        left: what the last edit left at the site that it writes; None before the first.
    """

    x: torch.Tensor
    edited: Mapping[int, torch.Tensor]
    left: torch.Tensor | None = None


def _edit_in_place(
    known: FeatureDictionary,
    index: int,
    change: Callable[..., torch.Tensor],
    tensor: torch.Tensor,
    *given: Any,
) -> torch.Tensor:
    """An edit of an autoencoder's feature, where it reads and writes."""
    *sources, shared = given
    seen = shared.get("seen")
    if seen is None or not _same(seen.left, tensor):
        seen = _Seen(_joined(tensor), {})
    held = [_activation(known, source, index) for source in sources]
    return _moved(known, index, partial(_call, change, held), seen, tensor, shared)


def _look(
    known: FeatureDictionary, index: int, slot: object, tensor: torch.Tensor, *given: Any
) -> torch.Tensor:
    """What a transcoder reads, and what its feature was in the runs of an edit's sources."""
    *sources, shared = given
    shared["seen"] = _Seen(_joined(tensor).clone(), {})  # a block may go on to write into it
    shared[slot] = [_activation(known, source, index) for source in sources]
    return tensor


def _edit_ahead(
    known: FeatureDictionary,
    index: int,
    change: Callable[..., torch.Tensor],
    slot: object,
    tensor: torch.Tensor,
    shared: dict[Any, Any],
) -> torch.Tensor:
    """An edit of a transcoder's feature, where it writes."""
    change = partial(_call, change, shared[slot])
    return _moved(known, index, change, shared["seen"], tensor, shared)


def _call(
    change: Callable[..., torch.Tensor], held: Sequence[torch.Tensor], before: torch.Tensor
) -> torch.Tensor:
    return change(before, *(each.to(before.device) for each in held))


def _moved(
    known: FeatureDictionary,
    index: int,
    change: Callable[[torch.Tensor], torch.Tensor],
    seen: _Seen,
    tensor: torch.Tensor,
    shared: dict[Any, Any],
) -> torch.Tensor:
    """`tensor` and what the change of one feature adds to it; bit for bit itself where it did not.

    The sum is taken in float32 at least.
    """
    before = seen.edited.get(index)
    before = _activation(known, seen.x, index) if before is None else before
    after = change(before).to(before)
    added = _added(known, index, seen, before, after).to(tensor.device).reshape(tensor.shape)
    wide = tensor if tensor.element_size() > 2 else tensor.float()
    moves = (after != before).to(tensor.device)
    moves = moves.reshape(*moves.shape, *[1] * (tensor.dim() - moves.dim()))
    edited = (wide + added.to(wide.dtype)).to(tensor.dtype).where(moves, tensor)
    shared["seen"] = _Seen(seen.x, {**seen.edited, index: after}, edited)
    return edited


def _added(
    known: FeatureDictionary,
    index: int,
    seen: _Seen,
    before: torch.Tensor,
    after: torch.Tensor,
) -> torch.Tensor:
    """decode(edited) - decode(the features as they were), `[batch, pos, d_out]`."""
    if isinstance(known, Dictionary):
        return (after - before).unsqueeze(-1) * known.direction(index).to(after.device)
    features = known.encode(_wide(seen.x)).clone()
    for other, values in seen.edited.items():
        features[..., other] = values.to(features)
    edited = features.clone()
    features[..., index], edited[..., index] = before.to(features), after.to(features)
    return known.decode(edited) - known.decode(features)


def _activation(known: FeatureDictionary, tensor: torch.Tensor, index: int) -> torch.Tensor:
    x = _wide(_joined(tensor))
    if isinstance(known, Dictionary):
        return known.activation_of(x, index)
    return known.encode(x)[..., index]


def _joined(tensor: torch.Tensor) -> torch.Tensor:
    """`[batch, pos, …]` as `[batch, pos, d]`: the heads of z side by side."""
    return tensor.flatten(2)


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.element_size() > 2 else tensor.float()


def _same(left: torch.Tensor | None, tensor: torch.Tensor) -> bool:
    """Whether nothing has come between two edits."""
    if left is tensor:
        return True
    if left is None or left.shape != tensor.shape or left.device != tensor.device:
        return False
    return bool((left == tensor).all())


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
