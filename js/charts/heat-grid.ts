// A small heat map with numbers down and across: one value per cell, printed where there is room, and
// nothing where there is none. In: a scene. Out: which cell is looked at and which was pressed.

import { CanvasGrid, type GridEvents, sameStamp } from "./canvas-grid";
import { inkOn, level, ramp, type Scale, type Theme } from "./colour";
import { element, setText } from "./dom";
import type { Cell } from "./grid-keys";

export interface HeatScene {
  readonly label: string;
  readonly rows: number;
  readonly columns: number;
  readonly size: { width: number; height: number };
  readonly scale: Scale;
  readonly theme: Theme;
  readonly max: number;
  /** Labels of the sides, by where they begin; as many as there is room for are shown. */
  readonly down: readonly Label[];
  readonly across: readonly Label[];
  readonly lit: Cell | null;
  readonly stamp: readonly unknown[];
  value(row: number, column: number): number;
  /** Printed in the cell, where it fits. */
  print(value: number): string;
  describe(cell: Cell): string;
}

export interface Label {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

const LINE = 13;
const LABEL_WIDTH = 24;
const PRINTS = { width: 28, height: 16 };

/** How large cells are in so much room. */
export function cellSizeIn(
  room: number,
  columns: number,
  limits: { least: number; most: number },
): number {
  const fit = (room - LABEL_WIDTH) / Math.max(1, columns);
  const size = Math.max(limits.least, Math.min(limits.most, fit));
  return size >= 4 ? Math.floor(size) : size;
}

export class HeatGrid {
  readonly el = element("div", { class: "mw-heat" });
  readonly #grid: CanvasGrid;
  readonly #down = element("div", { class: "mw-heat-down", "aria-hidden": "true" });
  readonly #across = element("div", { class: "mw-heat-across", "aria-hidden": "true" });
  readonly #ring = element("div", { class: "mw-heat-ring" });
  #axes: readonly unknown[] = [];

  constructor(label: string, events: GridEvents, signal: AbortSignal) {
    this.#grid = new CanvasGrid(label, events, signal, "button");
    this.#grid.el.append(this.#ring);
    this.el.append(this.#across, this.#down, this.#grid.el);
  }

  draw(scene: HeatScene): void {
    const { rows, columns, size, lit, down, across } = scene;
    const exists = (row: number, column: number): boolean =>
      !Number.isNaN(scene.value(row, column));
    const rect = (row: number, column: number) => ({
      x: column * size.width,
      y: row * size.height,
      ...size,
    });
    this.#grid.el.setAttribute("aria-label", scene.label);
    this.#grid.draw({
      shape: { rows, columns, exists },
      geometry: {
        width: columns * size.width,
        height: rows * size.height,
        rect,
        hit(x, y) {
          const [row, column] = [Math.floor(y / size.height), Math.floor(x / size.width)];
          const inside = row >= 0 && column >= 0 && row < rows && column < columns;
          return inside && exists(row, column) ? { row, column } : null;
        },
      },
      stamp: [...scene.stamp, size.width, size.height, rows, columns, scene.theme],
      paint: (context) => paint(context, scene),
      describe: scene.describe,
      pressed: () => null,
    });
    this.#ring.hidden = !lit;
    if (lit) {
      const { x, y } = rect(lit.row, lit.column);
      this.#ring.style.transform = `translate(${x}px, ${y}px)`;
      this.#ring.style.width = `${size.width}px`;
      this.#ring.style.height = `${size.height}px`;
    }
    const axes = [down, across, size.width, size.height];
    if (sameStamp(axes, this.#axes)) return;
    this.#axes = axes;
    place(this.#down, down, size.height, LINE, "top");
    place(this.#across, across, size.width, 18, "left");
    this.#across.style.width = `${columns * size.width}px`;
    this.#down.style.height = `${rows * size.height}px`;
  }
}

function paint(context: CanvasRenderingContext2D, scene: HeatScene): void {
  const { rows, columns, size, max, scale, theme } = scene;
  const colours = ramp(scale, theme);
  const [width, height] = [size.width, size.height].map((side) => side - (side >= 7 ? 1 : 0));
  const prints = size.width >= PRINTS.width && size.height >= PRINTS.height;
  context.font = "11px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = scene.value(row, column);
      const colour = colours[level(value, max)];
      if (Number.isNaN(value) || !colour) continue;
      const [x, y] = [column * size.width, row * size.height];
      context.fillStyle = colour;
      context.fillRect(x, y, width ?? 0, height ?? 0);
      if (!prints) continue;
      context.fillStyle = inkOn(value, max, scale, theme);
      context.fillText(scene.print(value), x + (width ?? 0) / 2, y + (height ?? 0) / 2 + 0.5);
    }
  }
}

/** Labels in the middle of what they stand for, those left out that would touch. */
function place(
  side: HTMLElement,
  labels: readonly Label[],
  size: number,
  room: number,
  edge: "top" | "left",
): void {
  let free = Number.NEGATIVE_INFINITY;
  const shown = labels.flatMap(({ text, from, to }) => {
    const middle = ((from + to) / 2) * size;
    if (middle - room / 2 < free) return [];
    free = middle + room / 2;
    const node = element("span", {});
    setText(node, text);
    node.style[edge] = `${middle}px`;
    return [node];
  });
  side.replaceChildren(...shown);
}
