"""Where dictionaries of features come from: parts of the plugin group "dictionaries", by name.

In: "source:reference". Out: the dictionary that the source of that name loads, or nothing where no
source is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.dictionaries.contract import FeatureDictionary, require_dictionary
from mechwidget.errors import DictionaryError
from mechwidget.plugin_api import REGISTRY

if TYPE_CHECKING:
    from mechwidget.plugin_api import DictionarySource

GROUP = "dictionaries"


def from_source(name: object) -> FeatureDictionary | None:
    """The dictionary that "source:reference" means; None where no source has that name.

    Raises:
        DictionaryError: the source is broken, refuses, or gives no dictionary.
    """
    source, colon, reference = name.partition(":") if isinstance(name, str) else ("", "", "")
    record = REGISTRY.record(GROUP, source) if colon else None
    if record is None:
        return None
    part: DictionarySource | None = REGISTRY.part(GROUP, source)
    if part is None:
        record = REGISTRY.record(GROUP, source) or record
        raise DictionaryError(
            f"The source of dictionaries {source!r} of {record.origin} cannot be used: "
            f"{record.reason}.",
            "mw.plugins() lists what is installed.",
        )
    return require_dictionary(part.load(reference))


def fault(name: str, part: object) -> str:  # noqa: ARG001 - one judge for every group
    """Why something is no source of dictionaries; empty where it is one."""
    if isinstance(part, type):
        return f"it is a class: name an instance, {part.__name__}()"
    lacking = [each for each in ("load", "references") if not callable(getattr(part, each, None))]
    return f"its {' and '.join(lacking)} cannot be called" if lacking else ""
