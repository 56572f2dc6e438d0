"""The model that a session was given: hooked already, a module in memory, or a name to load.

In flows whatever a person passes as `model`; out flows a hooked model.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError

if TYPE_CHECKING:
    from mechwidget.models import HookedModel


def hooked(model: Any) -> HookedModel:
    """The hooked model that `model` is, wraps or names."""
    import torch  # noqa: PLC0415 - only here: whoever passes a hooked model has it already

    from mechwidget import models  # noqa: PLC0415 - what is not used is not imported

    if isinstance(model, models.HookedModel):
        return model
    if isinstance(model, torch.nn.Module):
        return models.wrap(model)
    if isinstance(model, str | PathLike):
        return models.load(fspath(model))
    raise MechwidgetError(
        f"A session needs a model, not {type(model).__name__}.",
        'Pass mw.load("microcosm"), mw.wrap(module, tokenizer), or a name to load.',
    )
