"""Whether a model is still what it was when its numbers were remembered.

People edit weights and add hooks between clicks: a baseline from before beside a result from
after would show an effect that no intervention had. In flows a hooked model; out flows, on every
question, whether what is remembered of it may still be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.models.stamp import Stamp

if TYPE_CHECKING:
    from torch import nn

    from mechwidget.models import HookedModel


class Constancy:
    """Watches one model for one memory. Asked by the worker's thread only.

    A hook of the user's own that stays where it is counts as part of the model.
    """

    def __init__(self, model: HookedModel) -> None:
        self._model = model.model
        self._stamp, self._hooks = Stamp(self._model), _hooks(self._model)

    def broken(self) -> bool:
        """Whether the model has changed since this was last asked."""
        hooks = _hooks(self._model)
        if hooks == self._hooks and self._stamp.holds(self._model):
            return False
        self._stamp, self._hooks = Stamp(self._model), hooks
        return True


def _hooks(model: nn.Module) -> tuple[int, ...]:
    """The handles of every forward hook; torch never gives the same one twice."""
    return tuple(
        handle
        for module in model.modules()
        for hooks in (module._forward_hooks, module._forward_pre_hooks)  # noqa: SLF001
        for handle in hooks
    )
