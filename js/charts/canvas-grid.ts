// A grid on one canvas for maps too large for elements, still a grid to keyboards and screen
// readers: one real cell lies over the canvas where the focus is, and moves with the arrow keys.
// In: a scene (shape, geometry, painter, words for a cell). Out: enter, leave, press, focus.

import { element, setAttributes } from "./dom";
import { type Cell, firstCell, type GridShape, move } from "./grid-keys";

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Geometry {
  width: number;
  height: number;
  rect(row: number, column: number): Rect;
  hit(x: number, y: number): Cell | null;
}

export interface CanvasScene {
  shape: GridShape;
  geometry: Geometry;
  paint(context: CanvasRenderingContext2D, pixelRatio: number): void;
  /** Equal stamps make equal pictures, which need not be painted again; none: always paint. */
  stamp?: readonly unknown[];
  describe(cell: Cell): string;
  pressed?(cell: Cell): boolean | null;
}

export interface GridEvents {
  enter(cell: Cell): void;
  leave(): void;
  press(cell: Cell, event: MouseEvent | KeyboardEvent): void;
}

/** Square cells of one size, edge to edge. */
export function uniform(shape: GridShape, size: number): Geometry {
  return {
    width: shape.columns * size,
    height: shape.rows * size,
    rect: (row, column) => ({ x: column * size, y: row * size, width: size, height: size }),
    hit(x, y) {
      const [row, column] = [Math.floor(y / size), Math.floor(x / size)];
      const inside = row >= 0 && column >= 0 && row < shape.rows && column < shape.columns;
      return inside && shape.exists(row, column) ? { row, column } : null;
    },
  };
}

export class CanvasGrid {
  readonly el: HTMLElement;
  readonly cursor: HTMLElement;
  readonly #canvas = element("canvas", { class: "mw-canvas", "aria-hidden": "true" });
  readonly #row: HTMLElement;
  #scene: CanvasScene | null = null;
  #at: Cell = { row: 0, column: 0 };
  #hovered: Cell | null = null;

  constructor(
    label: string,
    private readonly events: GridEvents,
    signal: AbortSignal,
    private readonly kind: "button" | "gridcell" = "gridcell",
  ) {
    this.cursor = element("div", { class: "mw-cursor", role: kind, tabindex: 0 });
    const holder = element("div", { role: kind === "button" ? "gridcell" : "presentation" });
    holder.append(this.cursor);
    this.#row = element("div", { role: "row" }, kind === "button" ? holder : this.cursor);
    this.el = element("div", { class: "mw-canvas-grid", role: "grid", "aria-label": label });
    this.el.append(this.#canvas, this.#row);
    this.#canvas.addEventListener("pointermove", (event) => this.#hover(this.#cellAt(event)));
    this.#canvas.addEventListener("pointerleave", () => this.#hover(null));
    this.#canvas.addEventListener("click", (event) => this.#click(event));
    this.cursor.addEventListener("click", (event) => this.events.press(this.#at, event));
    this.cursor.addEventListener("focus", () => this.events.enter(this.#at));
    this.cursor.addEventListener("blur", () => this.events.leave());
    this.cursor.addEventListener("keydown", (event) => this.#key(event));
    // Canvases go blank when a notebook scrolls them away or the window moves to another screen.
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) this.#paint();
    });
    observer.observe(this.#canvas);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  get at(): Cell {
    return this.#at;
  }

  draw(scene: CanvasScene): void {
    const painted = sameStamp(this.#scene?.stamp, scene.stamp);
    this.#scene = scene;
    const { shape, geometry } = scene;
    setAttributes(this.el, { "aria-rowcount": shape.rows, "aria-colcount": shape.columns });
    this.el.style.width = `${geometry.width}px`;
    this.el.style.height = `${geometry.height}px`;
    const inside = this.#at.row < shape.rows && this.#at.column < shape.columns;
    if (!inside || !shape.exists(this.#at.row, this.#at.column)) {
      this.#at = firstCell(shape) ?? { row: 0, column: 0 };
    }
    this.#placeCursor();
    if (!painted) this.#paint();
  }

  /** Puts the keyboard's place on a cell without taking the focus. */
  place(cell: Cell): void {
    this.#at = cell;
    this.#placeCursor();
  }

  #placeCursor(): void {
    const scene = this.#scene;
    if (!scene) return;
    const { row, column } = this.#at;
    const rect = scene.geometry.rect(row, column);
    const style = this.cursor.style;
    style.transform = `translate(${rect.x}px, ${rect.y}px)`;
    style.width = `${rect.width}px`;
    style.height = `${rect.height}px`;
    const pressed = scene.pressed?.(this.#at);
    setAttributes(this.#row, { "aria-rowindex": row + 1 });
    const holder = this.kind === "button" ? this.cursor.parentElement : this.cursor;
    if (holder) setAttributes(holder, { "aria-colindex": column + 1 });
    setAttributes(this.cursor, {
      "aria-label": scene.describe(this.#at),
      "aria-pressed": pressed === null || pressed === undefined ? null : String(pressed),
    });
  }

  #paint(): void {
    const context = this.#canvas.getContext?.("2d");
    if (!this.#scene || !context) return;
    const { geometry } = this.#scene;
    const pixelRatio = globalThis.devicePixelRatio || 1;
    const [width, height] = [geometry.width, geometry.height].map((side) =>
      Math.max(1, Math.round(side * pixelRatio)),
    ) as [number, number];
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    context.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
    context.clearRect(0, 0, geometry.width, geometry.height);
    this.#scene.paint(context, pixelRatio);
  }

  #cellAt(event: MouseEvent): Cell | null {
    const box = this.#canvas.getBoundingClientRect();
    return this.#scene?.geometry.hit(event.clientX - box.left, event.clientY - box.top) ?? null;
  }

  #hover(cell: Cell | null): void {
    const before = this.#hovered;
    if (cell?.row === before?.row && cell?.column === before?.column) return;
    this.#hovered = cell;
    this.#canvas.style.cursor = cell ? "pointer" : "default";
    if (cell) this.events.enter(cell);
    else this.events.leave();
  }

  #click(event: MouseEvent): void {
    const cell = this.#cellAt(event);
    if (!cell) return;
    this.place(cell);
    this.cursor.focus({ preventScroll: true });
    this.events.press(cell, event);
  }

  #key(event: KeyboardEvent): void {
    if (!this.#scene) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (!event.repeat) this.events.press(this.#at, event);
      return;
    }
    const next = move(event, this.#at, this.#scene.shape);
    if (next === undefined) return;
    event.preventDefault();
    if (!next) return;
    this.place(next);
    this.events.enter(next);
  }
}

/** Are these the same things? Then they make the same picture. */
export function sameStamp(
  one: readonly unknown[] | undefined,
  other: readonly unknown[] | undefined,
): boolean {
  if (!one || !other || one.length !== other.length) return false;
  return one.every((value, i) => Object.is(value, other[i]));
}
