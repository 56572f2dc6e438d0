// A map with a row per head (or pair, or part) and a column per position, on one canvas in a frame that
// scrolls. Named rows and slanted tokens stay in sight; a cell without a number is a line through its
// place. In: a scene. Out: which cell is looked at or pressed.

import { CanvasGrid, type Geometry, type GridEvents } from "./canvas-grid";
import type { Theme } from "./colour";
import { element, setAttributes } from "./dom";
import { short } from "./token-text";

export interface MapRow {
  readonly label: string;
  /** Stands a little apart from the row above. */
  readonly apart?: boolean;
}

export interface PositionScene {
  readonly label: string;
  readonly theme: Theme;
  readonly rows: readonly MapRow[];
  readonly columns: readonly string[];
  /** What is printed along the top where words have no room. */
  readonly tick: (column: number) => string;
  /** Are the names of columns words that stand slanted? */
  readonly slanted: boolean;
  readonly lit: { readonly row: number | null; readonly column: number | null };
  readonly selected: number | null;
  /** The column before which something new begins. */
  readonly edge?: number | null;
  /** A CSS colour; null where there is no number. */
  fill(row: number, column: number): string | null;
  describe(row: number, column: number): string;
  /** Equal stamps make equal pictures. */
  readonly stamp: readonly unknown[];
}

const GUTTER = 46;
const SLANT = 52; // pixels that slanted words take above, and to the right
const NUMBERS = 16;
const [NARROWEST, WIDEST] = [3, 30];
const MANY = 2500; // columns from which a canvas would be larger than browsers make one
const FROM_WORDS = 13; // pixels per column from which words are told apart
const APART = 4;
const NUMBER_ROOM = 30;
const FROM_LABELS = 11;
const LINE: Record<Theme, string> = { light: "#b9c0c8", dark: "#4a535d" };

export class PositionMap {
  readonly el = element("div", { class: "mw-positions" });
  readonly #sheet = element("div", { class: "mw-positions-sheet" });
  readonly #head = element("div", { class: "mw-positions-head", "aria-hidden": "true" });
  readonly #side = element("div", { class: "mw-positions-side", "aria-hidden": "true" });
  readonly #grid: CanvasGrid;
  readonly #column = element("div", { class: "mw-positions-lit" });
  readonly #row = element("div", { class: "mw-positions-lit" });
  readonly #chosen = element("div", { class: "mw-positions-chosen" });
  readonly #edge = element("div", { class: "mw-positions-edge" });
  #axes: readonly unknown[] = [];
  #room = 420;

  constructor(label: string, events: GridEvents, signal: AbortSignal) {
    this.#grid = new CanvasGrid(label, events, signal);
    this.#grid.el.append(this.#edge, this.#chosen, this.#column, this.#row);
    this.#sheet.append(this.#head, this.#side, this.#grid.el);
    this.el.append(this.#sheet);
  }

  draw(scene: PositionScene): void {
    if (this.el.clientWidth > 0) this.#room = this.el.clientWidth;
    const { rows, columns, lit } = scene;
    const slanted = widthOf(columns.length, this.#room - GUTTER - SLANT + 16);
    const words = scene.slanted && slanted >= FROM_WORDS;
    const over = words ? SLANT - 16 : 8;
    const width = words ? slanted : widthOf(columns.length, this.#room - GUTTER - over);
    const geometry = geometryOf(rows, columns.length, width);
    const top = words ? SLANT : NUMBERS;
    this.#sheet.style.width = `${GUTTER + geometry.width + over}px`;
    this.#sheet.style.gridTemplate = `${top}px auto / ${GUTTER}px auto`;
    this.#grid.el.setAttribute("aria-label", scene.label);
    this.#grid.draw({
      shape: { rows: rows.length, columns: columns.length, exists: () => true },
      geometry,
      describe: ({ row, column }) => scene.describe(row, column),
      stamp: [...scene.stamp, scene.theme, width, rows.length, columns.length],
      paint: (context) => paint(context, scene, geometry),
    });
    this.#drawAxes(scene, geometry, words);
    place(this.#column, lit.column === null ? null : geometry.band("column", lit.column));
    place(this.#row, lit.row === null ? null : geometry.band("row", lit.row));
    const chosen = scene.selected === null ? null : geometry.band("column", scene.selected);
    place(this.#chosen, chosen);
    place(this.#edge, geometry.band("column", scene.edge ?? -1));
  }

  #drawAxes({ rows, columns, tick }: PositionScene, geometry: MapGeometry, words: boolean): void {
    const axes = [geometry.cell, words, ...rows.map(({ label }) => label), ...columns];
    if (axes.length === this.#axes.length && axes.every((one, i) => one === this.#axes[i])) return;
    this.#axes = axes;
    const { cell } = geometry;
    const step = words ? 1 : stepOf(NUMBER_ROOM / cell);
    this.#head.replaceChildren(
      ...columns.flatMap((text, at) => {
        if (at % step !== 0) return [];
        const name = element("span", {}, words ? short(text, 8) : tick(at));
        setAttributes(name, { "data-slanted": words });
        const middle = at * cell + cell / 2;
        name.style.transform = words
          ? `translate(${middle - 2}px, 0) rotate(-45deg)`
          : `translate(${middle}px, 0) translate(-50%, 0)`;
        return [name];
      }),
    );
    const high = geometry.rowHeight >= FROM_LABELS;
    const every = Math.ceil(FROM_LABELS / geometry.rowHeight);
    const apart = rows.some((row) => row.apart);
    this.#side.replaceChildren(
      ...rows.flatMap(({ label, apart: first }, at) => {
        if (!high && !(apart ? first || at === 0 : at % every === 0)) return [];
        const { y, height } = geometry.rect(at, 0);
        const name = element("bdi", {}, label);
        name.style.transform = `translate(0, ${y + height / 2 - 8}px)`;
        return [name];
      }),
    );
    this.#side.style.height = `${geometry.height}px`;
  }
}

/** Whole pixels while cells are large, quarters of one where they are not. */
function widthOf(columns: number, room: number): number {
  const fit = room / Math.max(1, columns);
  const even = fit >= 6 ? Math.floor(fit) : Math.floor(4 * fit) / 4;
  return Math.max(columns > MANY ? 1 : NARROWEST, Math.min(WIDEST, even));
}

interface MapGeometry extends Geometry {
  readonly cell: number;
  readonly rowHeight: number;
  band(of: "row" | "column", at: number): ReturnType<Geometry["rect"]> | null;
}

function geometryOf(rows: readonly MapRow[], columns: number, cell: number): MapGeometry {
  const rowHeight = rows.length <= 16 ? 18 : rows.length <= 40 ? 13 : rows.length <= 96 ? 8 : 5;
  let y = 0;
  const tops = rows.map(({ apart }, at) => {
    if (apart && at > 0) y += APART;
    y += rowHeight;
    return y - rowHeight;
  });
  const [width, height] = [columns * cell, y];
  const rect: Geometry["rect"] = (row, column) => {
    return { x: column * cell, y: tops[row] ?? 0, width: cell, height: rowHeight };
  };
  return {
    cell,
    rowHeight,
    width,
    height,
    rect,
    hit(x, at) {
      const column = Math.floor(x / cell);
      let row = tops.length - 1;
      while (row > 0 && (tops[row] ?? 0) > at) row -= 1;
      const inside = column >= 0 && column < columns && at >= 0 && at < height && tops.length > 0;
      return inside ? { row, column } : null;
    },
    band(of, at) {
      if (at < 0 || at >= (of === "row" ? rows.length : columns)) return null;
      const one = of === "row" ? rect(at, 0) : rect(0, at);
      return of === "row" ? { ...one, x: 0, width } : { ...one, y: 0, height };
    },
  };
}

function paint(
  context: CanvasRenderingContext2D,
  { rows, columns, theme, fill }: PositionScene,
  geometry: MapGeometry,
): void {
  const gap = geometry.cell >= 6 ? 1 : 0;
  const under = geometry.rowHeight >= 8 ? 1 : 0;
  for (let row = 0; row < rows.length; row++) {
    for (let column = 0; column < columns.length; column++) {
      const { x, y, width, height } = geometry.rect(row, column);
      const tone = fill(row, column);
      context.fillStyle = tone ?? LINE[theme];
      if (tone === null) context.fillRect(x, Math.round(y + height / 2), width, 1);
      else {
        const [from, to] = [Math.round(x), Math.round(x + width)];
        context.fillRect(from, y, to - from - gap, height - under);
      }
    }
  }
}

/** 1, 2, 5, 10, 20 … : the first that leaves enough room. */
function stepOf(least: number): number {
  for (let unit = 1; ; unit *= 10) {
    for (const one of [1, 2, 5]) if (one * unit >= least) return one * unit;
  }
}

function place(el: HTMLElement, rect: ReturnType<Geometry["rect"]> | null): void {
  el.hidden = rect === null;
  if (!rect) return;
  el.style.transform = `translate(${rect.x}px, ${rect.y}px)`;
  el.style.width = `${rect.width}px`;
  el.style.height = `${rect.height}px`;
}
