"""The workbench on the page, named as a person would name its parts.

Flows in: an open notebook. Flows out: locators and numbers as printed. Waits are on what the page
says about itself (`data-mw-revision` against `data-mw-outcome-revision`), never on the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.notebook_page import NotebookPage

SETTLED = """selector => {
  const root = document.querySelector(selector);
  if (!root) return false;
  const { mwRevision, mwOutcomeRevision } = root.dataset;
  const stale = root.querySelector(".mw-outcome[data-stale], [data-pending]");
  return mwRevision !== undefined && mwRevision === mwOutcomeRevision && !stale;
}"""
TIMEOUT_MS = 15_000


class WorkbenchPage:
    """The workbench in the output of one cell. Attributes: notebook, page, root."""

    def __init__(self, notebook: NotebookPage, cell: int = 1) -> None:
        self.notebook = notebook
        self.page: Page = notebook.page
        self.selector = f"[data-windowed-list-index='{cell}'] [data-testid=mw-workbench]"
        self.root = self.page.locator(self.selector)

    def get(self, testid: str) -> Locator:
        return self.root.get_by_test_id(testid)

    def cell(self, layer: int, head: int) -> Locator:
        return self.get(f"mw-cell-{layer}-{head}")

    def mlp(self, layer: int) -> Locator:
        return self.get(f"mw-mlp-{layer}")

    def settle(self) -> None:
        """Wait until what is drawn is the answer to what was asked last."""
        expect(self.root).to_be_visible(timeout=TIMEOUT_MS)
        self.page.wait_for_function(SETTLED, arg=self.selector, timeout=TIMEOUT_MS)

    def execute(self, code: str) -> None:
        """Run code in the kernel and wait until the page shows the session as it is by then."""
        self.notebook.execute(code)
        revision = str(self.python("session.revision"))
        expect(self.root).to_have_attribute("data-mw-revision", revision, timeout=TIMEOUT_MS)
        self.settle()

    def click(self, layer: int, head: int) -> None:
        """Click a head and wait for the numbers."""
        self.cell(layer, head).click()
        self.settle()

    @property
    def revision(self) -> int:
        return int(self.root.get_attribute("data-mw-revision") or -1)

    @property
    def bars(self) -> list[str]:
        """Each visible row of the outcome in words: token, before, after, ranks."""
        rows = self.get("mw-outcome-row")
        words = rows.evaluate_all("rows => rows.map(row => row.getAttribute('aria-label'))")
        return [word for word in words if word]

    @property
    def before(self) -> float:
        return number(self.get("mw-metric-before").inner_text())

    @property
    def after(self) -> float:
        return number(self.get("mw-metric-after").inner_text())

    @property
    def tokens(self) -> list[str]:
        """The token strip, with spaces as the page shows them."""
        return self.root.locator("[data-token] .mw-token-text").all_inner_texts()

    @property
    def ablated(self) -> set[str]:
        """The test ids of the cells that look ablated."""
        cells = self.root.locator("[data-testid][data-mark=whole]")
        return set(cells.evaluate_all("cells => cells.map(cell => cell.dataset.testid)"))

    def attention_shows(self, layer: int, head: int) -> None:
        heading = self.get("mw-attention").get_by_role("heading")
        expect(heading).to_have_text(f"Head {layer}.{head}")

    def edit_prompt(self, text: str) -> None:
        """Open the editor, type another prompt, press Enter."""
        self.get("mw-prompt-edit").click()
        field = self.get("mw-prompt-input")
        field.fill(text)
        field.press("Enter")

    # -- the same session, from Python

    def interventions(self) -> list[str]:
        """`session.interventions` in the kernel, each as a sentence."""
        return self.notebook.python("[i.sentence for i in session.interventions]")

    def python(self, expression: str) -> object:
        return self.notebook.python(expression)


def number(text: str) -> float:
    """A printed number, with its true minus and without its unit."""
    return float(text.split()[0].replace("\N{MINUS SIGN}", "-").replace("+", "").rstrip("%"))


def shown(value: float) -> float:
    """A number with the digits that the page prints."""
    size = abs(value)
    return round(value, 0 if size >= 100 else 1 if size >= 10 else 2)
