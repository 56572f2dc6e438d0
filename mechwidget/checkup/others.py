"""The plugins of other packages, as lines of the report.

In: their health. Out: findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mechwidget.checkup.finding import Finding
from mechwidget.plugin_api import plugins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mechwidget.checkup.finding import Grade


def others() -> Iterator[Finding]:
    """Each plugin that is broken or slow, and how many are well."""
    found = plugins()
    yield Finding("plugins", f"{len(found)} found, {len(found.broken)} broken")
    for each in found:
        if each.state != "ok":
            grade: Grade = "wrong" if each.broken else "note"
            mend = f"Update or uninstall {each.distribution}." if each.broken else ""
            about = f"plugin {each.name} ({each.group})"
            yield Finding(about, f"{each.origin}: {each.state}: {each.reason}", grade, mend)
