"""Directions of a session: vectors with a name, and a sentence that says where each comes from.

    session.directions["truth"] = probe.weight[0]
    session.ablate(...), mw.Steer(mw.Residual(3), session.directions["truth"], 0.2, "share")

In flow tensors from Python and directions that a page has found; out flow the same under names.
They are no part of the experiment's state: going back to an earlier one loses none. What is steered
holds its own copy of the numbers and goes on whatever becomes of the name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mechwidget.errors import InterventionError
from mechwidget.interventions import Vector
from mechwidget.interventions.fields import short
from mechwidget.interventions.vectors import vector_of

if TYPE_CHECKING:
    from mechwidget.models import HookedModel

MOST = 200
FROM_PYTHON = "given in Python"

Kept = tuple["Direction", ...]
Change = Callable[[Kept, "HookedModel"], Kept]


@dataclass(frozen=True, slots=True)
class Direction:
    """A vector of the residual stream and where it is from.

    Attributes:
        vector: its numbers, under the name that sentences call it by.
        origin: a sentence without its full stop, "token 3 of B minus A after layer 5".
    """

    vector: Vector
    origin: str

    @property
    def name(self) -> str:
        """What it is called."""
        return self.vector.name

    def named(self, name: str) -> Direction:
        """The same under another name."""
        return replace(self, vector=Vector(self.vector.values, name))


class Directions(MutableMapping[str, Vector]):
    """The named directions of a session, as a mapping that changes the session.

    A value is anything of one axis that is as long as the residual stream is wide: a tensor, an
    array, a list, a `Vector`. What is read is a `Vector`, ready for `mw.Steer`.

    Raises:
        InterventionError: a name that is empty or too long, or numbers that do not fit the model.
    """

    def __init__(self, kept: Callable[[], Kept], change: Callable[[Change], object]) -> None:
        self._kept = kept
        self._change = change

    @property
    def kept(self) -> Kept:
        """All of them with where they come from, the oldest first."""
        return self._kept()

    def origin(self, name: str) -> str:
        """Where a direction comes from, in words."""
        return self._one(name).origin

    def save(self, name: str, direction: Direction) -> None:
        """Keep a direction that was found, under this name; one with the name is replaced."""
        named = direction.named(_name(name))
        self._change(lambda kept, model: with_direction(kept, model, named))

    def delete(self, name: str) -> None:
        """Forget a direction; what is steered along it stays.

        Raises:
            InterventionError: there is none of this name.
        """

        def deleted(kept: Kept, _: HookedModel) -> Kept:
            gone = kept_one(kept, name)
            return tuple(each for each in kept if each is not gone)

        self._change(deleted)

    def __getitem__(self, name: str) -> Vector:
        return self._one(name).vector

    def __setitem__(self, name: str, value: Any) -> None:
        self.save(name, Direction(vector_of(value), FROM_PYTHON))

    def __delitem__(self, name: str) -> None:
        self._one(name)
        self.delete(name)

    def __iter__(self) -> Iterator[str]:
        return iter([each.name for each in self._kept()])

    def __len__(self) -> int:
        return len(self._kept())

    def __repr__(self) -> str:
        lines = [
            f"  {each.name!r}: norm {each.vector.norm:.3g}, {each.origin}" for each in self._kept()
        ]
        return "\n".join(["Directions", *lines]) if lines else "Directions (none yet)"

    def _one(self, name: str) -> Direction:
        for each in self._kept():
            if each.name == name:
                return each
        raise KeyError(name)


def with_direction(kept: Kept, model: HookedModel, direction: Direction) -> Kept:
    """One more; one of the same name is replaced in its place."""
    checked_width(direction.vector, model)
    if any(each.name == direction.name for each in kept):
        return tuple(direction if each.name == direction.name else each for each in kept)
    if len(kept) >= MOST:
        raise InterventionError(
            f"There are {MOST} directions already.", "Delete one that is not needed any more."
        )
    return (*kept, direction)


def kept_one(kept: Kept, name: str) -> Direction:
    """The direction of this name.

    Raises:
        InterventionError: there is none.
    """
    for each in kept:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in kept[:8])
    raise InterventionError(
        f"There is no direction {short(name)}.",
        f"There are {known}." if known else 'In Python: session.directions["name"] = tensor.',
    )


def checked_width(vector: Vector, model: HookedModel) -> None:
    """Raise `InterventionError` unless a residual stream of the model is as wide as the vector."""
    widths = sorted({stack.d_model for stack in model.stacks})
    if len(vector) not in widths:
        wide = " or ".join(map(str, widths))
        raise InterventionError(
            f"The residual stream of {model.name} is {wide} numbers wide (d_model); "
            f"the direction has {len(vector)}."
        )
    if vector.norm == 0:
        raise InterventionError("The vector is 0 everywhere: it has no direction.")


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InterventionError(f"A direction's name is {short(name)}; expected some text.")
    if not name.isprintable():
        raise InterventionError("A direction's name has characters that cannot be printed.")
    return name.strip()
