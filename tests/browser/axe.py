"""Accessibility as axe-core sees it (https://github.com/dequelabs/axe-core): WCAG 2.2, A and AA.

In: a page, and the place of what is to be looked at. Out: what is wrong, a line for each.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SCRIPT = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async place => {
  const { violations } = await window.axe.run(place, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary}`));
}"""


def violations(page: Page, place: str | Locator) -> list[str]:
    """What axe-core finds wrong with the elements at a selector, or with one element."""
    if not page.evaluate("() => 'axe' in window"):
        # Within a function: to requirejs, which notebooks have on the page, it would be a module.
        script = SCRIPT.read_text()
        page.evaluate(f"() => {{ const module = undefined, define = undefined;\n{script}\n}}")
    return page.evaluate(RUN, place if isinstance(place, str) else place.element_handle())
