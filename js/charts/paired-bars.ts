// Before and after as two bars on one line, grey over ink, on a scale shared by all rows.

import { element } from "./dom";

export class PairedBars {
  readonly #before = element("span", { class: "mw-bar-before" });
  readonly #after = element("span", { class: "mw-bar-after" });
  readonly el = element(
    "span",
    { class: "mw-bars", "aria-hidden": "true" },
    this.#before,
    this.#after,
  );

  draw(before: number, after: number, max: number): void {
    const width = (value: number): string =>
      `${max > 0 ? Math.min(100, (100 * Math.max(0, value)) / max) : 0}%`;
    this.#before.style.width = width(before);
    this.#after.style.width = width(after);
  }
}
