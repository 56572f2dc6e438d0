// One neuron along the tokens: a cell per token on the neuron's own scale, with a true zero. Where
// edits are on it has two lanes, before above and after below. In: values. Out: a painted canvas,
// and which token the pointer is on.

import { colour, type Theme } from "./colour";
import { element } from "./dom";

export interface StripScene {
  /** Per token; NaN where the neuron has no such position. */
  before: Float32Array;
  after: Float32Array | null;
  max: number;
  theme: Theme;
  width: number;
  /** A token lit from elsewhere, and the one that numbers are about. */
  lit: number | null;
  looked: number | null;
}

export const STRIP_HEIGHT = 18;
const GAP_FROM = 6; // pixels per token from which cells stand apart

export class ActivationStrip {
  readonly el = element("canvas", { class: "mw-neuron-strip", "aria-hidden": "true" });
  #tokens = 0;
  #drawn = "";

  draw(scene: StripScene, stamp: string): void {
    const { before, after, width, lit, looked, theme } = scene;
    this.#tokens = before.length;
    const ratio = globalThis.devicePixelRatio || 1;
    const drawn = [stamp, width, lit, looked, theme, ratio, after === null].join(" ");
    if (drawn === this.#drawn || width <= 0) return;
    this.#drawn = drawn;
    const { el } = this;
    el.width = Math.round(width * ratio);
    el.height = Math.round(STRIP_HEIGHT * ratio);
    el.style.width = `${width}px`;
    el.style.height = `${STRIP_HEIGHT}px`;
    const context = el.getContext("2d");
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, STRIP_HEIGHT);
    const [top, height] = [2, STRIP_HEIGHT - 4];
    if (after === null) lane(context, scene, before, top, height);
    else {
      lane(context, scene, before, top, height / 2 - 0.5);
      lane(context, scene, after, top + height / 2 + 0.5, height / 2 - 0.5);
    }
    for (const at of [looked, lit]) {
      if (at !== null && at < before.length) mark(context, scene, at, at === lit);
    }
  }

  /** The token under a place in the strip. */
  tokenAt(clientX: number): number | null {
    const { left, width } = this.el.getBoundingClientRect();
    const at = Math.floor(((clientX - left) / width) * this.#tokens);
    return at >= 0 && at < this.#tokens ? at : null;
  }
}

function lane(
  context: CanvasRenderingContext2D,
  { width, max, theme }: StripScene,
  values: Float32Array,
  top: number,
  height: number,
): void {
  const step = width / values.length;
  const gap = step >= GAP_FROM ? 1 : 0;
  // Of many tokens in one pixel the largest is drawn: a spike must not be averaged away.
  const columns = Math.min(values.length, Math.ceil(width));
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column * values.length) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * values.length) / columns));
    let value = values[from] ?? Number.NaN;
    for (let at = from + 1; at < to; at++) {
      const other = values[at] ?? Number.NaN;
      if (Math.abs(other) > Math.abs(value)) value = other;
    }
    const fill = colour(value, max, "diverging", theme);
    if (fill === null) continue;
    const left = (column * width) / columns;
    context.fillStyle = fill;
    context.fillRect(left, top, Math.max(0.5, width / columns - gap), height);
  }
}

function mark(
  context: CanvasRenderingContext2D,
  { width, before, theme }: StripScene,
  at: number,
  strong: boolean,
): void {
  const step = width / before.length;
  context.fillStyle = theme === "dark" ? "#e6e9ed" : "#1b1f24";
  context.globalAlpha = strong ? 1 : 0.55;
  context.fillRect(
    at * step,
    STRIP_HEIGHT - 1.5,
    Math.max(2, step - (step >= GAP_FROM ? 1 : 0)),
    1.5,
  );
  context.globalAlpha = 1;
}
