"""Order, names and groups of the interventions of a session.

In flow wishes of a person; out flow changes of the session's state, checked and undoable. What is
possible is said in `grouping`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from mechwidget.session import grouping
from mechwidget.session.looking_up import LookingUp
from mechwidget.session.state import listed_ones

if TYPE_CHECKING:
    from collections.abc import Callable

    from mechwidget.interventions import Intervention
    from mechwidget.models import HookedModel
    from mechwidget.session.state import State, Which


class Arranging(LookingUp):
    """What a session can do to the order of its interventions, their names and their groups."""

    @property
    def names(self) -> dict[Intervention, str]:
        """What has a name, and which."""
        state = self.now().state
        listed = dict(zip(state.ids, state.interventions, strict=True))
        return {listed[id_]: name for id_, name in state.arrangement.names}

    @property
    def groups(self) -> dict[str, tuple[Intervention, ...]]:
        """The groups by name, the members of each in the order of the list."""
        state = self.now().state
        return {each.name: listed_ones(state, each.name) for each in state.arrangement.groups}

    def move(self, which: Which, to: int) -> None:
        """Put an intervention, or a group of them, at another place in the list (from 0).

        Edits of one site are applied in the order of the list, each on what the one before it left;
        across sites the model's own order rules. What comes to stand between two members of a group
        belongs to it; what no longer stands beside one does not.

        Args:
            which: an intervention, its place in the list, or the name of a group.
            to: the place that it has afterwards (a group: that its first member has).
        """
        self._change(lambda old, _: grouping.moved(old, which, to))

    def rename(self, which: Which, name: str | None) -> None:
        """Give an intervention or a group another name; None: its sentence again."""
        self._change(lambda old, _: grouping.renamed(old, which, name))

    def group(self, *which: Which, name: str | None = None) -> None:
        """Put interventions into a group, which is switched, removed and scaled as one.

        They come to stand together, where the first of them is.
        """
        self._change(lambda old, _: grouping.grouped(old, which, name))

    def ungroup(self, name: str) -> None:
        """Leave the members of a group on their own, each as strong as it is listed."""
        self._change(lambda old, _: grouping.ungrouped(old, name))

    def scale_group(self, name: str, strength: float, drag: object = None) -> None:
        """Do a share of what a group does: 0 is nothing, 1 all of it.

        With edit(x) what a member makes of an activation x, the share s of it makes
        x + s · (edit(x) - x). That holds for `Scale`, for `Steer` that adds and for zero ablation;
        members of other kinds stay as they are.

        Args:
            name: the group.
            strength: the share, any finite number.
            drag: changes one after the other with the same drag are one step to undo.
        """
        self._change(lambda old, _: grouping.scaled(old, name, strength), drag=drag)

    @abstractmethod
    def _change(
        self,
        changed: Callable[[State, HookedModel], State],
        remember: bool = True,
        drag: object = None,
    ) -> None:
        """Go on to the state that `changed` makes of the one that is."""
