"""Traits whose value is part of the session's state.

Assigning one is a change of the session (checked, undoable, seen by every view), reading it reads
the newest state, and `observe` works as with any other trait.
"""

from __future__ import annotations

from abc import ABCMeta
from typing import Any, TypeVar

from traitlets import Bunch, HasTraits, MetaHasTraits, TraitError, TraitType

G = TypeVar("G")
S = TypeVar("S")


class AbstractTraits(MetaHasTraits, ABCMeta):
    """The metaclass of classes with traits and abstract methods."""


class StateTrait(TraitType[G, S]):
    """A trait that lives in the state of its session."""

    def get(self, obj: HasTraits, cls: type[Any] | None = None) -> G | None:  # noqa: ARG002
        """Read it from the newest state."""
        session: Any = obj
        value: G = session._read(self.name)  # noqa: SLF001 - the two are one thing
        return value

    def set(self, obj: HasTraits, value: S) -> None:
        """Change the session; raises, and changes nothing, where the value is refused."""
        if self.read_only:
            raise TraitError(f"{self.name} is read-only.")
        session: Any = obj
        session._assign(self.name, value)  # noqa: SLF001 - the two are one thing


def change_of(owner: HasTraits, name: str, old: Any, new: Any) -> Bunch:
    """What observers of a trait are given."""
    return Bunch(name=name, old=old, new=new, owner=owner, type="change")
