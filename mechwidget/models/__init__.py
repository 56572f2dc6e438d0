"""Any Hugging Face transformer, as named sites that can be read and edited.

In: a name, a folder or a module in memory. Out: a `HookedModel` whose `run` makes one forward
pass under a list of interventions. Names are resolved on first use, since torch is slow to
import and `Site` does not need it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mechwidget.models.edit import Edit, Intervention
    from mechwidget.models.generation import Generation, Step
    from mechwidget.models.gradients import Gradients
    from mechwidget.models.hooked_model import HookedModel
    from mechwidget.models.inputs import Inputs
    from mechwidget.models.ledger import Ledger
    from mechwidget.models.loading import load
    from mechwidget.models.run import Run
    from mechwidget.models.sites import Site, SiteLike
    from mechwidget.models.source import Source
    from mechwidget.models.text_source import TextSource
    from mechwidget.models.tokens import Tokens
    from mechwidget.models.traffic import Fired
    from mechwidget.models.wrapping import wrap

_HOMES = {
    "Edit": "edit",
    "Fired": "traffic",
    "Generation": "generation",
    "Gradients": "gradients",
    "HookedModel": "hooked_model",
    "Inputs": "inputs",
    "Intervention": "edit",
    "Ledger": "ledger",
    "Run": "run",
    "Site": "sites",
    "SiteLike": "sites",
    "Source": "source",
    "Step": "generation",
    "TextSource": "text_source",
    "Tokens": "tokens",
    "load": "loading",
    "wrap": "wrapping",
}

__all__ = [
    "Edit",
    "Fired",
    "Generation",
    "Gradients",
    "HookedModel",
    "Inputs",
    "Intervention",
    "Ledger",
    "Run",
    "Site",
    "SiteLike",
    "Source",
    "Step",
    "TextSource",
    "Tokens",
    "load",
    "wrap",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
