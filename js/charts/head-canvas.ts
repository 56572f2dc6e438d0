// A head map of many thousand cells on canvases as large as what is seen of it: same scene, same
// events, same words as the one made of elements (head-elements.ts). What is pointed at is drawn on a
// canvas of its own, so that moving the pointer paints one cell and not five thousand. One real cell
// lies where the keyboard is.

import type { Geometry, Rect } from "./canvas-grid";
import { element, setAttributes } from "./dom";
import type { Cell } from "./grid-keys";
import {
  cellName,
  gap,
  gapRows,
  type HeadCell,
  type HeadChart,
  type HeadEvents,
  type HeadScene,
  headGeometry,
  sameCell,
  sameStamp,
  startOf,
} from "./head-grid";
import { HeadInput } from "./head-input";
import {
  type Inks,
  inksOf,
  paintCell,
  paintGap,
  paintMark,
  paintRing,
  paintStream,
} from "./head-paint";

export class HeadCanvas implements HeadChart {
  readonly el: HTMLElement;
  readonly #window: HTMLElement;
  readonly #cells = element("canvas", { class: "mw-canvas" });
  readonly #rings = element("canvas", { class: "mw-canvas" });
  readonly #cursor = element("div", { class: "mw-cursor", role: "button", tabindex: 0 });
  readonly #row = element("div", { role: "row" });
  readonly #holder = element("div", { role: "gridcell" });
  #scene: HeadScene | null = null;
  #geometry: Geometry | null = null;
  #at: Cell | null = null;

  constructor(
    private readonly events: HeadEvents,
    signal: AbortSignal,
  ) {
    this.#window = element("div", { class: "mw-map-window", "aria-hidden": "true" });
    this.#window.append(this.#cells, this.#rings);
    this.#holder.append(this.#cursor);
    this.#row.append(this.#holder);
    this.el = element("div", { class: "mw-head-canvas", role: "grid" }, this.#window, this.#row);
    new HeadInput(
      {
        el: this.el,
        scene: () => this.#scene,
        hit: (x, y) => this.#hit(x, y),
        cellOf: (target) => (target === this.#cursor ? this.#place : null),
        at: () => this.#place,
        place: (cell, focus) => this.place(cell, focus),
      },
      this.#pointing(),
      signal,
    );
    this.#cursor.addEventListener("focus", () => events.enter(this.#place));
    this.#cursor.addEventListener("blur", () => events.leave());
    // Canvases go blank when a notebook scrolls them away or the window moves to another screen.
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) this.scrolled();
    });
    observer.observe(this.#cells);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  draw(scene: HeadScene): void {
    const before = this.#scene;
    this.#scene = scene;
    this.#geometry = headGeometry(scene);
    const { shape } = scene;
    if (!this.#at || !shape.exists(this.#at.row, this.#at.column)) this.#at = startOf(scene);
    setAttributes(this.el, {
      "aria-label": scene.label,
      "aria-rowcount": shape.rows,
      "aria-colcount": shape.columns,
    });
    this.el.style.width = `${this.#geometry.width}px`;
    this.el.style.height = `${this.#geometry.height}px`;
    this.#window.style.width = `${scene.view.width}px`;
    this.#window.style.height = `${scene.view.height}px`;
    this.#placeCursor();
    if (!before || !sameStamp(before.stamp, scene.stamp)) this.#paintCells();
    const moved = !sameCell(before?.lit ?? null, scene.lit);
    if (!before || moved || !sameCell(before.locked, scene.locked)) this.#paintRings();
  }

  place(cell: Cell, focus: boolean): void {
    this.#at = cell;
    this.#placeCursor();
    if (focus) this.#cursor.focus({ preventScroll: true });
  }

  scrolled(): void {
    this.#paintCells();
    this.#paintRings();
  }

  get #place(): Cell {
    return this.#at ?? { row: 0, column: 0 };
  }

  /** The pointer says by its shape where there is a cell. */
  #pointing(): HeadEvents {
    const { events } = this;
    const shape = (name: string): void => {
      this.el.style.cursor = name;
    };
    return {
      ...events,
      enter: (cell) => {
        shape("pointer");
        events.enter(cell);
      },
      leave: () => {
        shape("default");
        events.leave();
      },
    };
  }

  #hit(x: number, y: number): Cell | null {
    const box = this.el.getBoundingClientRect();
    return this.#geometry?.hit(x - box.left, y - box.top) ?? null;
  }

  #placeCursor(): void {
    const [scene, geometry] = [this.#scene, this.#geometry];
    if (!scene || !geometry) return;
    const { row, column } = this.#place;
    const rect = geometry.rect(row, column);
    const { style } = this.#cursor;
    style.transform = `translate(${rect.x}px, ${rect.y}px)`;
    style.width = `${rect.width}px`;
    style.height = `${rect.height}px`;
    const { mark } = scene.cell(row, column);
    setAttributes(this.#row, { "aria-rowindex": row + 1 });
    setAttributes(this.#holder, { "aria-colindex": column + 1 });
    setAttributes(this.#cursor, {
      "aria-label": scene.describe(this.#place),
      "aria-pressed": String(mark !== null && mark !== "off"),
      "data-testid": cellName(this.#place, scene.columns),
    });
  }

  #paintCells(): void {
    const pen = this.#pen(this.#cells);
    if (!pen) return;
    const { context, scene, geometry, seen, inks } = pen;
    const marked: [HeadCell, Rect][] = [];
    for (const row of gapRows(scene)) {
      if (row >= seen.rows[0] && row <= seen.rows[1]) paintGap(context, row, scene, geometry, inks);
    }
    for (let row = seen.rows[0]; row <= seen.rows[1]; row++) {
      for (let column = 0; column < scene.shape.columns; column++) {
        const rect = geometry.rect(row, column);
        if (rect.x > seen.right || rect.x + rect.width < seen.left) continue;
        if (!scene.shape.exists(row, column)) continue;
        const cell = scene.cell(row, column);
        if (scene.columns[column]?.kind === "residual")
          paintStream(context, rect, scene.size, inks);
        else paintCell(context, cell, rect, scene, { row, column }, inks);
        if (cell.mark || cell.pending || cell.painted) marked.push([cell, rect]);
      }
    }
    // Marks reach over their neighbours, so they come after every fill.
    for (const [cell, rect] of marked) paintMark(context, cell, rect, scene.size, inks);
  }

  #paintRings(): void {
    const pen = this.#pen(this.#rings);
    if (!pen) return;
    const { context, scene, geometry, inks } = pen;
    const out = gap(scene.size) + 0.5;
    for (const [cell, thick] of [
      [scene.lit, 1],
      [scene.locked, 2],
    ] as const) {
      if (cell) paintRing(context, geometry.rect(cell.row, cell.column), out, thick, inks);
    }
  }

  /** A clean canvas as large as what is seen, its origin where the map begins. */
  #pen(canvas: HTMLCanvasElement): Pen | null {
    const [scene, geometry] = [this.#scene, this.#geometry];
    const context = canvas.getContext?.("2d");
    if (!scene || !geometry || !context) return null;
    const ratio = globalThis.devicePixelRatio || 1;
    const { width, height } = scene.view;
    const [across, down] = [width, height].map((side) => Math.max(1, Math.round(side * ratio))) as [
      number,
      number,
    ];
    if (canvas.width !== across || canvas.height !== down) {
      canvas.width = across;
      canvas.height = down;
    }
    const { scrollLeft = 0, scrollTop = 0 } = this.el.parentElement ?? {};
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, across, down);
    context.setTransform(ratio, 0, 0, ratio, -scrollLeft * ratio, -scrollTop * ratio);
    const last = scene.shape.rows - 1;
    const rows: [number, number] = [
      Math.max(0, Math.floor(scrollTop / scene.size)),
      Math.min(last, Math.ceil((scrollTop + height) / scene.size)),
    ];
    const seen = { rows, left: scrollLeft, right: scrollLeft + width };
    return { context, scene, geometry, seen, inks: inksOf(this.el) };
  }
}

interface Pen {
  context: CanvasRenderingContext2D;
  scene: HeadScene;
  geometry: Geometry;
  seen: { rows: [number, number]; left: number; right: number };
  inks: Inks;
}
