"""Where models come from: parts of the plugin group "sources", by name or by what they take.

In: "name:reference", or a thing that is no model of transformers. Out: the `HookedModel` that the
source of that name gives, or nothing where no source is meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mechwidget.errors import ModelLoadError
from mechwidget.models.hooked_model import HookedModel
from mechwidget.plugin_api import REGISTRY

if TYPE_CHECKING:
    import torch

    from mechwidget.plugin_api import ModelSource

GROUP = "sources"
# Two letters at least: "C:" is a drive.
_NAMED = re.compile(r"([a-z0-9][a-z0-9_.-]+):(.*)", re.DOTALL)


def from_source(
    name: str, device: str | torch.device | None, dtype: str | torch.dtype | None
) -> HookedModel | None:
    """The model that "source:reference" means; None where a name is not of that form.

    Raises:
        ModelLoadError: there is no such source, it is broken, or it gives no model.
    """
    found = _NAMED.fullmatch(name)
    if found is None:
        return None
    source, reference = found.groups()
    part: ModelSource | None = REGISTRY.part(GROUP, source)
    if part is None:
        raise ModelLoadError(
            f"No source of models is called {source!r:.80}; {_there_are(source)}",
            "A folder or a name on the hub has no colon.",
        )
    return _checked(source, part.load(reference, device=device, dtype=dtype), name)


def from_taker(thing: Any, tokenizer: Any, name: str | None) -> HookedModel | None:
    """What the first source of a plugin that takes a thing makes of it; None where none does."""
    for source in REGISTRY.names(GROUP):
        record = REGISTRY.record(GROUP, source)
        part: ModelSource | None = None
        if record is not None and not record.own:
            part = REGISTRY.part(GROUP, source)
        if part is None or not _takes(part, thing):
            continue
        return _checked(source, part.wrap(thing, tokenizer, name=name), "")
    return None


def fault(name: str, part: object) -> str:
    """Why something is no source; empty where it is one."""
    lacking = [
        each for each in ("load", "takes", "wrap") if not callable(getattr(part, each, None))
    ]
    if lacking:
        return f"its {' and '.join(lacking)} cannot be called"
    if isinstance(part, type):
        return f"it is a class: name an instance, {part.__name__}()"
    if not _NAMED.fullmatch(f"{name}:"):
        return f"{name!r:.60} is no name: two or more small letters, digits, - or _"
    return ""


def _takes(part: ModelSource, thing: object) -> bool:
    """Whether a source says that it takes a thing; one that raises is named, and does not."""
    try:
        return part.takes(thing) is True
    except Exception as error:  # noqa: BLE001 - a plugin may fail in any way, and others go on
        REGISTRY.culprit(error)
        return False


def _checked(source: str, made: object, name: str) -> HookedModel:
    if not isinstance(made, HookedModel):
        raise ModelLoadError(
            f"The source {source!r} returned a {type(made).__name__}; expected a HookedModel.",
            "It is to return what mw.wrap returns.",
        )
    if name and not made.loaded_from:
        made.loaded_from = name
    return made


def _there_are(source: str) -> str:
    record = REGISTRY.record(GROUP, source)
    if record is not None and record.reason:
        return f"{record.origin} has one, but {record.reason}."
    return f"there are {', '.join(REGISTRY.names(GROUP))}."
