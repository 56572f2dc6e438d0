// Points in a square whose two axes have one scale, with zero and the diagonal on which both numbers
// are the same. In: points with names. Out: an SVG, and which point a pointer is over.

import { setAttributes } from "./dom";

export interface Point {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  /** What it is, and its numbers. */
  readonly words: string;
}

const SVG = "http://www.w3.org/2000/svg";
const RADIUS = 4;

function node(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  setAttributes(made, attributes);
  return made;
}

export class Scatter {
  readonly el: SVGElement;
  readonly #points = node("g", {});
  readonly #zero = [node("line", {}), node("line", {})];
  #drawn = "";

  constructor(
    private readonly size: number,
    enter: (key: string | null) => void,
    press: (key: string) => void,
  ) {
    const box = `0 0 ${size} ${size}`;
    this.el = node("svg", { class: "mw-scatter", viewBox: box, role: "img" });
    const frame = { x: 0.5, y: 0.5, width: size - 1, height: size - 1 };
    this.el.append(node("rect", { class: "mw-scatter-frame", ...frame }));
    const diagonal = { x1: 0, y1: size, x2: size, y2: 0 };
    this.el.append(node("line", { class: "mw-scatter-same", ...diagonal }), ...this.#zero);
    this.el.append(this.#points);
    const keyOf = ({ target }: Event): string | null =>
      target instanceof SVGElement ? (target.dataset.key ?? null) : null;
    this.el.addEventListener("pointermove", (event) => enter(keyOf(event)));
    this.el.addEventListener("pointerleave", () => enter(null));
    this.el.addEventListener("click", (event) => {
      const key = keyOf(event);
      if (key) press(key);
    });
  }

  draw(points: readonly Point[], lit: string | null, label: string): void {
    setAttributes(this.el, { "aria-label": label });
    const drawn = JSON.stringify(points);
    if (drawn !== this.#drawn) this.#place(points);
    this.#drawn = drawn;
    for (const one of Array.from(this.#points.children)) {
      setAttributes(one, { "data-lit": (one as SVGElement).dataset.key === lit });
    }
  }

  #place(points: readonly Point[]): void {
    const ends = points.flatMap(({ x, y }) => [x, y]).filter(Number.isFinite);
    const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
    const room = high - low || 1;
    const at = (value: number): number =>
      2 * RADIUS + ((this.size - 4 * RADIUS) * (value - low)) / room;
    const [across, up] = this.#zero;
    const zero = at(0);
    const line = { class: "mw-scatter-zero" };
    if (across && up) {
      setAttributes(across, {
        ...line,
        x1: 0,
        x2: this.size,
        y1: this.size - zero,
        y2: this.size - zero,
      });
      setAttributes(up, { ...line, x1: zero, x2: zero, y1: 0, y2: this.size });
    }
    const circles = points.map(({ key, x, y, words }) => {
      const circle = node("circle", {
        class: "mw-scatter-point",
        cx: at(x),
        cy: this.size - at(y),
        r: RADIUS,
      });
      circle.dataset.key = key;
      const title = node("title", {});
      title.textContent = words;
      circle.append(title);
      return circle;
    });
    this.#points.replaceChildren(...circles);
  }
}

/** Spearman's rank correlation, ties at their mean rank; NaN of fewer than three pairs. */
export function rankCorrelation(pairs: readonly (readonly [number, number])[]): number {
  if (pairs.length < 3) return Number.NaN;
  const [one, other] = [0, 1].map((side) =>
    centredRanks(pairs.map((pair) => pair[side] as number)),
  );
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
  if (!one || !other) return Number.NaN;
  const size = Math.sqrt(dot(one, one) * dot(other, other));
  return size > 0 ? dot(one, other) / size : Number.NaN;
}

function centredRanks(series: readonly number[]): number[] {
  const mean = (series.length + 1) / 2;
  return series.map((value) => {
    const below = series.filter((one) => one < value).length;
    const same = series.filter((one) => one === value).length;
    return below + (same + 1) / 2 - mean;
  });
}
