// The attention pattern of one head: queries down, keys across, only what can be non-zero drawn.
// One canvas for any length, labels as elements (thinned when they would touch), a ring on the
// cell under the pointer. In: values and tokens. Out: which cell is looked at, which was clicked.

import { CanvasGrid, type GridEvents, sameStamp, uniform } from "./canvas-grid";
import type { Scale, Theme } from "./colour";
import { type Cut, paintCuts } from "./cut-paint";
import { element, setAttributes, setText } from "./dom";
import type { Cell, GridShape } from "./grid-keys";
import { paintMatrix, reach } from "./matrix-paint";
import { short, visible } from "./token-text";

/** Entries on show: the first tokens of both sides, and how many tokens each entry stands for. */
export interface Drawn {
  readonly query: number;
  readonly key: number;
  readonly rows: number;
  readonly columns: number;
  readonly factor: number;
}

export interface AxisToken {
  text: string;
  special: boolean;
}

export interface AttentionScene {
  label: string;
  queries: readonly AxisToken[];
  keys: readonly AxisToken[];
  /** Which tokens are on show, and how many of them an entry stands for. */
  part: Drawn;
  /** No query looks ahead, so there is nothing right of the diagonal. */
  triangle: boolean;
  scale: Scale;
  theme: Theme;
  max: number;
  room: Size;
  /** Edges that are cut, by entry, and rows of queries that write nothing. */
  cuts: readonly Cut[];
  /** Along which side a person reads: the band lies on a row or on a column. */
  by: "query" | "key";
  /** A token lit from elsewhere, on each side where it stands. */
  lit: { query: number | null; key: number | null };
  /** Does a press cut the edge that is looked at? */
  armed: boolean;
  /** The cell that is looked at. */
  cell: Cell | null;
  /** What the picture depends on: the same stamp, the same picture. */
  stamp: readonly unknown[];
  /** Of an entry, by row and column of what is on show. */
  value(row: number, column: number): number;
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
  #axes: readonly unknown[] = [];

  constructor(events: GridEvents, signal: AbortSignal) {
    this.#grid = new CanvasGrid("Attention pattern", events, signal);
    this.#grid.el.append(this.#band, this.#ring);
    this.el.append(this.#queries, this.#grid.el, this.#keys);
  }

  draw(scene: AttentionScene): void {
    const { rows, columns, query: first, key, factor } = scene.part;
    const size = squareSize(rows, columns, scene.room);
    const shift = (first - key) / factor;
    const picture = { ...scene, rows, columns, size, shift };
    const exists = (query: number, key: number): boolean => key < reach(picture, query);
    const shape: GridShape = { rows, columns, exists };
    this.#grid.el.setAttribute("aria-label", scene.label);
    this.#grid.draw({
      shape,
      geometry: uniform(shape, size),
      describe: scene.describe,
      stamp: [...scene.stamp, scene.scale, scene.theme, scene.max, size],
      paint: (context, pixelRatio) => {
        paintMatrix(context, picture, pixelRatio);
        paintCuts(context, scene.cuts, size, tone(this.el));
      },
    });
    this.#drawAxes(scene, size);
    this.#drawMarks(scene, size, shift);
  }

  #drawMarks(scene: AttentionScene, size: number, shift: number): void {
    const { cell, part, triangle } = scene;
    this.#ring.hidden = !cell;
    this.#ring.toggleAttribute("data-armed", scene.armed);
    if (cell) {
      const side = Math.max(size, 6);
      const over = (side - size) / 2;
      this.#ring.style.transform = `translate(${cell.column * size - over}px, ${cell.row * size - over}px)`;
      this.#ring.style.width = `${side}px`;
      this.#ring.style.height = `${side}px`;
    }
    const { row, column } = litEntry(scene);
    const at = cell ?? { row, column };
    const line = scene.by === "query" ? at.row : at.column;
    this.#band.hidden = line === null;
    if (line === null) return;
    const entries = { triangle, columns: part.columns, shift };
    if (scene.by === "query") {
      this.#place(0, line, reach(entries, line), 1, size);
    } else {
      const first = triangle ? Math.max(0, line - shift) : 0;
      this.#place(line, first, 1, part.rows - first, size);
    }
  }

  #place(column: number, row: number, columns: number, rows: number, size: number): void {
    const { style } = this.#band;
    style.transform = `translate(${column * size}px, ${row * size}px)`;
    style.width = `${Math.max(2, columns * size)}px`;
    style.height = `${Math.max(2, rows * size)}px`;
  }

  #drawAxes(scene: AttentionScene, size: number): void {
    const { queries, keys, cell, part } = scene;
    const lit = litEntry(scene);
    const row = cell?.row ?? lit.row;
    const column = cell?.column ?? lit.column;
    const drawn: readonly unknown[] = [size, row, column, queries, keys, ...Object.values(part)];
    if (sameStamp(this.#axes, drawn)) return;
    this.#axes = drawn;
    const { factor } = part;
    fill(this.#queries, thinned(part.rows, size, row, LINE), (node, i) => {
      const token = part.query + i * factor;
      describeLabel(node, queries[token], token, i === row);
      node.style.transform = `translate(0, ${i * size + size / 2}px) translate(0, -50%)`;
    });
    fill(this.#keys, thinned(part.columns, size, column, SLANTED_LINE), (node, i) => {
      const token = part.key + i * factor;
      describeLabel(node, keys[token], token, i === column);
      node.style.transform = `translate(${i * size + size / 2}px, 0) rotate(-45deg)`;
    });
    this.#queries.style.height = `${part.rows * size}px`;
    this.#keys.style.width = `${part.columns * size}px`;
  }
}

/** The entry that a token lit from elsewhere stands in, on each side where it is on show. */
function litEntry({ lit, part }: AttentionScene): { row: number | null; column: number | null } {
  const entry = (token: number | null, first: number, count: number): number | null => {
    if (token === null) return null;
    const at = Math.floor((token - first) / part.factor);
    return at >= 0 && at < count ? at : null;
  };
  return {
    row: entry(lit.query, part.query, part.rows),
    column: entry(lit.key, part.key, part.columns),
  };
}

/** The colour of what is taken out, as this page has it. */
const tone = (el: HTMLElement): string =>
  getComputedStyle(el).getPropertyValue("--mw-ablate").trim() || "#c2330c";

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

export function describeLabel(
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
