// The attention pattern of one head: queries down, keys across, only what can be non-zero drawn.
// One canvas for any length, labels as elements (thinned when they would touch), a ring on the
// cell under the pointer. In: values and tokens. Out: which cell is looked at, which was clicked.

import { CanvasGrid, type GridEvents, uniform } from "./canvas-grid";
import type { Scale, Theme } from "./colour";
import { element, setAttributes, setText } from "./dom";
import type { Cell, GridShape } from "./grid-keys";
import { paintMatrix } from "./matrix-paint";
import { short, visible } from "./token-text";

export interface AttentionScene {
  label: string;
  tokens: readonly { text: string; special: boolean }[];
  scale: Scale;
  theme: Theme;
  max: number;
  room: { width: number; height: number };
  /** Tokens lit from elsewhere, or the cell that is looked at. */
  lit: number | null;
  cell: Cell | null;
  /** What the picture depends on: the same stamp, the same picture. */
  stamp: readonly unknown[];
  value(query: number, key: number): number;
  describe(cell: Cell): string;
}

export const LABEL_WIDTH = 76;
export const LABEL_HEIGHT = 60;
const LINE = 13;
// Slanted labels lie closer than their anchors are apart.
const SLANTED_LINE = 17;

/** The size of one square: whole pixels while they are large, fractions once they are not. */
export function squareSize(n: number, room: { width: number; height: number }): number {
  const fit = Math.min(room.width - LABEL_WIDTH, room.height - LABEL_HEIGHT) / Math.max(1, n);
  return Math.max(0.25, Math.min(28, fit >= 4 ? Math.floor(fit) : fit));
}

/** How tall the whole picture is, labels and all. */
export const pictureHeight = (n: number, room: { width: number; height: number }): number =>
  Math.ceil(n * squareSize(n, room)) + LABEL_HEIGHT;

export class AttentionMatrix {
  readonly el = element("div", { class: "mw-matrix" });
  readonly #grid: CanvasGrid;
  readonly #queries = element("div", { class: "mw-matrix-queries", "aria-hidden": "true" });
  readonly #keys = element("div", { class: "mw-matrix-keys", "aria-hidden": "true" });
  readonly #ring = element("div", { class: "mw-matrix-ring" });
  readonly #band = element("div", { class: "mw-matrix-band" });
  #axes = "";

  constructor(events: GridEvents, signal: AbortSignal) {
    this.#grid = new CanvasGrid("Attention pattern", events, signal);
    this.#grid.el.append(this.#band, this.#ring);
    this.el.append(this.#queries, this.#grid.el, this.#keys);
  }

  draw(scene: AttentionScene): void {
    const n = scene.tokens.length;
    const size = squareSize(n, scene.room);
    const shape: GridShape = { rows: n, columns: n, exists: (query, key) => key <= query };
    this.#grid.el.setAttribute("aria-label", scene.label);
    this.#grid.draw({
      shape,
      geometry: uniform(shape, size),
      describe: scene.describe,
      stamp: [...scene.stamp, scene.scale, scene.theme, scene.max, size],
      paint: (context, pixelRatio) => paintMatrix(context, { ...scene, n, size }, pixelRatio),
    });
    this.#drawAxes(scene, size);
    this.#drawMarks(scene, size);
  }

  #drawMarks({ cell, lit, tokens }: AttentionScene, size: number): void {
    this.#ring.hidden = !cell;
    if (cell) {
      const side = Math.max(size, 6);
      const shift = (side - size) / 2;
      this.#ring.style.transform = `translate(${cell.column * size - shift}px, ${cell.row * size - shift}px)`;
      this.#ring.style.width = `${side}px`;
      this.#ring.style.height = `${side}px`;
    }
    const row = cell ? null : lit !== null && lit < tokens.length ? lit : null;
    this.#band.hidden = row === null;
    if (row !== null) {
      this.#band.style.transform = `translate(0, ${row * size}px)`;
      this.#band.style.width = `${(row + 1) * size}px`;
      this.#band.style.height = `${Math.max(2, size)}px`;
    }
  }

  #drawAxes(scene: AttentionScene, size: number): void {
    const { tokens, cell, lit } = scene;
    const row = cell?.row ?? lit;
    const column = cell?.column ?? lit;
    const key = `${size} ${row} ${column} ${tokens.map((token) => token.text).join(" ")}`;
    if (key === this.#axes) return;
    this.#axes = key;
    fill(this.#queries, thinned(tokens.length, size, row, LINE), (node, i) => {
      describeLabel(node, tokens[i], i, i === row);
      node.style.transform = `translate(0, ${i * size + size / 2}px) translate(0, -50%)`;
    });
    fill(this.#keys, thinned(tokens.length, size, column, SLANTED_LINE), (node, i) => {
      describeLabel(node, tokens[i], i, i === column);
      node.style.transform = `translate(${i * size + size / 2}px, 0) rotate(-45deg)`;
    });
    this.#queries.style.height = `${tokens.length * size}px`;
    this.#keys.style.width = `${tokens.length * size}px`;
  }
}

/** Every k-th index, so that labels do not touch, and always the one that is looked at, for which
 * those that it would touch make room. */
export function thinned(n: number, size: number, at: number | null, line: number): number[] {
  const step = Math.max(1, Math.ceil(line / size));
  const shown: number[] = [];
  for (let i = 0; i < n; i += step) {
    if (at === null || i === at || Math.abs(i - at) * size >= line) shown.push(i);
  }
  if (at !== null && at < n && !shown.includes(at)) shown.push(at);
  return shown;
}

function fill(
  axis: HTMLElement,
  indices: readonly number[],
  draw: (node: HTMLElement, index: number) => void,
): void {
  while (axis.childElementCount > indices.length) axis.lastElementChild?.remove();
  while (axis.childElementCount < indices.length) {
    axis.append(element("span", { class: "mw-matrix-label" }));
  }
  indices.forEach((index, i) => {
    draw(axis.children[i] as HTMLElement, index);
  });
}

function describeLabel(
  node: HTMLElement,
  token: { text: string; special: boolean } | undefined,
  index: number,
  lit: boolean,
): void {
  const text = token?.text ?? "";
  setText(node, short(text, 10));
  node.title = `${visible(text)} (${index})`;
  setAttributes(node, { "data-lit": lit, "data-special": token?.special });
}
