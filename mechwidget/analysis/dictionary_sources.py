"""Where dictionaries of features come from: parts of the plugin group "dictionaries", by name.

In: "name:reference". Out: what that source loads, or a `MechwidgetError` naming those there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mechwidget.errors import MechwidgetError
from mechwidget.plugin_api import REGISTRY

if TYPE_CHECKING:
    from mechwidget.plugin_api import DictionarySource

GROUP = "dictionaries"


def dictionary_sources() -> dict[str, DictionarySource]:
    """Every source that works, by its name."""
    return REGISTRY.parts(GROUP)


def load_dictionary(name: str, *, device: str | None = None) -> Any:
    """The dictionary that "name:reference" means, from the source of that name.

    Raises:
        MechwidgetError: there is no such source, it is broken, or it refuses.
    """
    source, colon, reference = name.partition(":")
    part = REGISTRY.part(GROUP, source) if colon else None
    if part is None:
        record = REGISTRY.record(GROUP, source)
        why = f" {record.origin} has it, but {record.reason}." if record and record.reason else ""
        there = ", ".join(REGISTRY.names(GROUP)) or "none"
        raise MechwidgetError(
            f"No source of dictionaries is called {source!r:.80}; there are: {there}.{why}",
            'Expected "name:reference".',
        )
    found = part.load(reference, device=device)
    lacking = [each for each in ("encode", "decode") if not callable(getattr(found, each, None))]
    if lacking:
        raise MechwidgetError(
            f"{source} returned a {type(found).__name__} without {' and '.join(lacking)}."
        )
    return found


def fault(name: str, part: object) -> str:  # noqa: ARG001 - one judge for every group
    """Why something is no source of dictionaries; empty where it is one."""
    lacking = [each for each in ("load", "references") if not callable(getattr(part, each, None))]
    return f"its {' and '.join(lacking)} cannot be called" if lacking else ""
