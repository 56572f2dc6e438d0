// The legend under a map: the two ends with their unit, a tick at the true zero, and the very
// ramp that the cells are painted with.

import { gradient, type Scale, type Theme } from "./colour";
import { element, setText } from "./dom";

export interface LegendScene {
  scale: Scale;
  theme: Theme;
  from: number;
  to: number;
  low: string;
  high: string;
  label: string;
  note?: string;
}

export class Legend {
  readonly #low = element("span", { class: "mw-legend-end" });
  readonly #bar = element("span", { class: "mw-legend-bar" });
  readonly #high = element("span", { class: "mw-legend-end" });
  readonly #note = element("span", { class: "mw-legend-note" });
  readonly el = element("div", { class: "mw-legend", role: "img" });

  constructor() {
    this.el.append(this.#low, this.#bar, this.#high, this.#note);
  }

  draw(scene: LegendScene): void {
    setText(this.#low, scene.low);
    setText(this.#high, scene.high);
    setText(this.#note, scene.note ?? "");
    this.el.setAttribute("aria-label", scene.label);
    this.el.title = scene.label;
    this.#bar.style.backgroundImage = gradient(scene.scale, scene.theme, scene.from, scene.to);
    this.#bar.toggleAttribute("data-zero", scene.from < 0);
  }
}
