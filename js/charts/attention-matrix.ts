// The attention pattern of one head: queries down, keys across, only what can be non-zero drawn.
// One canvas for any length, labels as elements (thinned when they would touch), a ring on the
// cell under the pointer. In: values and tokens. Out: which cell is looked at, which was clicked.

import { CanvasGrid, type GridEvents, uniform } from "./canvas-grid";
import type { Scale, Theme } from "./colour";
import { element, setAttributes, setText } from "./dom";
import type { Cell, GridShape } from "./grid-keys";
import { paintMatrix, reach } from "./matrix-paint";
import { short, visible } from "./token-text";

export interface AxisToken {
  text: string;
  special: boolean;
}

export interface AttentionScene {
  label: string;
  queries: readonly AxisToken[];
  keys: readonly AxisToken[];
  /** No query looks ahead, so there is nothing right of the diagonal. */
  triangle: boolean;
  scale: Scale;
  theme: Theme;
  max: number;
  room: Size;
  /** A token lit from elsewhere, on each side where it stands. */
  lit: { query: number | null; key: number | null };
  /** The cell that is looked at. */
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

interface Size {
  width: number;
  height: number;
}

/** The size of one square: whole pixels while they are large, fractions once they are not. */
export function squareSize(rows: number, columns: number, room: Size): number {
  const across = (room.width - LABEL_WIDTH) / Math.max(1, columns);
  const down = (room.height - LABEL_HEIGHT) / Math.max(1, rows);
  const fit = Math.min(across, down);
  return Math.max(0.25, Math.min(28, fit >= 4 ? Math.floor(fit) : fit));
}

/** How tall the whole picture is, labels and all. */
export const pictureHeight = (rows: number, columns: number, room: Size): number =>
  Math.ceil(rows * squareSize(rows, columns, room)) + LABEL_HEIGHT;

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
    const [rows, columns] = [scene.queries.length, scene.keys.length];
    const size = squareSize(rows, columns, scene.room);
    const picture = { ...scene, rows, columns, size };
    const exists = (query: number, key: number): boolean => key < reach(picture, query);
    const shape: GridShape = { rows, columns, exists };
    this.#grid.el.setAttribute("aria-label", scene.label);
    this.#grid.draw({
      shape,
      geometry: uniform(shape, size),
      describe: scene.describe,
      stamp: [...scene.stamp, scene.scale, scene.theme, scene.max, size],
      paint: (context, pixelRatio) => paintMatrix(context, picture, pixelRatio),
    });
    this.#drawAxes(scene, size);
    this.#drawMarks(scene, size);
  }

  #drawMarks({ cell, lit, queries, keys, triangle }: AttentionScene, size: number): void {
    this.#ring.hidden = !cell;
    if (cell) {
      const side = Math.max(size, 6);
      const shift = (side - size) / 2;
      this.#ring.style.transform = `translate(${cell.column * size - shift}px, ${cell.row * size - shift}px)`;
      this.#ring.style.width = `${side}px`;
      this.#ring.style.height = `${side}px`;
    }
    const row = cell || lit.query === null || lit.query >= queries.length ? null : lit.query;
    this.#band.hidden = row === null;
    if (row !== null) {
      this.#band.style.transform = `translate(0, ${row * size}px)`;
      this.#band.style.width = `${reach({ triangle, columns: keys.length }, row) * size}px`;
      this.#band.style.height = `${Math.max(2, size)}px`;
    }
  }

  #drawAxes(scene: AttentionScene, size: number): void {
    const { queries, keys, cell, lit } = scene;
    const row = cell?.row ?? lit.query;
    const column = cell?.column ?? lit.key;
    const texts = (side: readonly AxisToken[]): string[] => side.map((token) => token.text);
    const drawn = JSON.stringify([size, row, column, texts(queries), texts(keys)]);
    if (drawn === this.#axes) return;
    this.#axes = drawn;
    fill(this.#queries, thinned(queries.length, size, row, LINE), (node, i) => {
      describeLabel(node, queries[i], i, i === row);
      node.style.transform = `translate(0, ${i * size + size / 2}px) translate(0, -50%)`;
    });
    fill(this.#keys, thinned(keys.length, size, column, SLANTED_LINE), (node, i) => {
      describeLabel(node, keys[i], i, i === column);
      node.style.transform = `translate(${i * size + size / 2}px, 0) rotate(-45deg)`;
    });
    this.#queries.style.height = `${queries.length * size}px`;
    this.#keys.style.width = `${keys.length * size}px`;
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
  token: AxisToken | undefined,
  index: number,
  lit: boolean,
): void {
  const text = token?.text ?? "";
  setText(node, short(text, 10));
  node.title = `${visible(text)} (${index})`;
  setAttributes(node, { "data-lit": lit, "data-special": token?.special });
}
